#include "server/async/byte_bound.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("byte bound: what all hold together never exceeds it, and what one gives back another can take")
{
    byte_bound all(100);
    {
        byte_share first, second, third;
        CHECK(first.take(all, 60));
        CHECK_FALSE(second.take(all, 41));
        CHECK(second.take(all, 40));
        CHECK_FALSE(third.take(all, 1));
        CHECK(third.take(all, 0));
        first.keep(10);
        CHECK(all.held() == 50);
        first.keep(20);  // more than it has
        CHECK(all.held() == 50);
        byte_share moved(std::move(second));
        CHECK(all.held() == 50);
        byte_share fourth;
        CHECK(fourth.take(all, 30));
        CHECK(fourth.take(all, 20));
        CHECK_FALSE(fourth.take(all, 1));
    }
    CHECK(all.held() == 0);
}
