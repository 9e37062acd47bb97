// What tools that do not read, do not send or ask for much make the program hold. Measured is its peak memory.

#include "tests/support/memory_loads.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;

TEST_SUITE_BEGIN("program");

TEST_CASE("memory: 300 tools that do not read their hit of 1 MB cost less than 48 MB, of the program's and in sockets")
{
    memory_taken m = unread_hits(300);
    MESSAGE("idle ", m.idle, " MB, peak ", m.peak, " MB, in sockets ", m.unsent, " MB");
    CHECK(m.wrong == 0);
    CHECK(m.peak - m.idle < 16);
    CHECK(m.unsent < 32);
}

TEST_CASE("memory: 1,000 bodies of 64 KiB that never end cost less than 48 MB")
{
    memory_taken m = stalled_bodies(1000);
    MESSAGE("idle ", m.idle, " MB, peak ", m.peak, " MB");
    CHECK(m.wrong == 0);
    CHECK(m.peak - m.idle < 48);
}

TEST_CASE("memory: answers of 200 bytes to 1 MiB stay within the 256 MiB of the Kubernetes manifest")
{
    memory_taken m = mixed_sizes(600);
    MESSAGE("idle ", m.idle, " MB, peak ", m.peak, " MB");
    CHECK(m.wrong == 0);
    CHECK(m.peak < 250);
}

TEST_SUITE_END();
