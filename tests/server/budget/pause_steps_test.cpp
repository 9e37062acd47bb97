#include "server/budget/pause_steps.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{1000s};

}  // namespace

TEST_CASE("pause steps: a pause is said when it begins and when it becomes longer, and not for each 429 of it")
{
    pause_steps s;
    CHECK_FALSE(s.next_look());
    CHECK(s.note(t0 + 40s, t0));
    CHECK_FALSE(s.note(t0 + 40s, t0 + 1s));
    CHECK_FALSE(s.note(t0 + 40s + 999ms, t0 + 1s));
    CHECK(s.note(t0 + 41s, t0 + 1s));
    CHECK(s.note(t0 + 1h, t0 + 2s));
    CHECK_FALSE(s.note(t0 + 41s, t0 + 3s));
    CHECK(s.next_look() == t0 + 1h + 10s);
}

TEST_CASE("pause steps: the end is said once, ten seconds after the last of several pauses, with the time of all")
{
    pause_steps s;
    CHECK_FALSE(s.over(t0));
    for (int i = 0; i < 20; ++i) CHECK(s.note(t0 + i * 10s + 2s, t0 + i * 10s));
    CHECK_FALSE(s.over(t0 + 192s + 10s - 1ns));
    CHECK(s.over(t0 + 192s + 10s) == steady_time::duration(192s));
    CHECK_FALSE(s.over(t0 + 1h));
    CHECK_FALSE(s.next_look());
    CHECK(s.note(t0 + 2h + 1s, t0 + 2h));
    CHECK(s.over(t0 + 3h) == steady_time::duration(1s));
}

TEST_CASE("pause steps: a pause that the operator ended has no end of its own")
{
    pause_steps s;
    CHECK(s.note(t0 + 1h, t0));
    s.resumed();
    CHECK_FALSE(s.next_look());
    CHECK_FALSE(s.over(t0 + 2h));
    CHECK(s.note(t0 + 40s, t0 + 1s));
}
