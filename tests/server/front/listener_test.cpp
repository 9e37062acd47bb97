#include "server/front/listener.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("listener: tools have the descriptors that nothing else needs, and at least half of them")
{
    std::size_t plenty = connections_for(20'000, 4, 8);
    CHECK(plenty < 20'000 - operator_connections_max);
    CHECK(plenty > 19'000);
    CHECK(connections_for(20'000, 4, 108) == plenty - 100);
    CHECK(connections_for(20'000, 14, 8) < plenty);
    CHECK(connections_for(256, 4, 8) == 128);
    CHECK(connections_for(256, 4, 100'000) == 128);
}
