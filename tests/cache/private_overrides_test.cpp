#include "cache/private_overrides.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};
const key_view one{1, "7"}, another{2, "7"};

}  // namespace

TEST_CASE("private overrides: what is noted is held, under its own credential alone, until a later 200 takes it back")
{
    private_overrides names({}, 30 * 24h);
    CHECK_FALSE(names.holds(one));
    names.note(one, t0);
    CHECK(names.holds(one));
    CHECK_FALSE(names.holds(another));
    CHECK_FALSE(names.holds({1, "8"}));
    CHECK_FALSE(names.take_back(one, t0 - 1s));
    CHECK(names.holds(one));
    CHECK_FALSE(names.take_back(another, t0 + 1s));
    CHECK(names.take_back(one, t0 + 1s) == t0);
    CHECK_FALSE(names.holds(one));
}

TEST_CASE("private overrides: an older word does not make a newer one older")
{
    private_overrides names({}, 30 * 24h);
    names.note(one, t0 + 5s);
    names.note(one, t0);
    CHECK_FALSE(names.take_back(one, t0 + 4s));
    CHECK(names.take_back(one, t0 + 5s));
}

TEST_CASE("private overrides: one that was noted while the clock was ahead gives way, and says until when to drop")
{
    private_overrides names({}, 30 * 24h);
    names.note(one, t0 + 365 * 24h);
    CHECK(names.take_back(one, t0) == t0 + 365 * 24h);
}

TEST_CASE("private overrides: what was kept comes back, and a purge of everything forgets it")
{
    private_overrides names({{entry_key(one), t0}}, 30 * 24h);
    CHECK(names.holds(one));
    names.clear();
    CHECK_FALSE(names.holds(one));
}

TEST_CASE("private overrides: those that nobody spoke of for keep_max are forgotten when there are many")
{
    private_overrides names({}, 24h);
    for (int i = 0; i < 100'000; ++i) names.note({1, std::to_string(i)}, t0 + i * 1min);
    CHECK(names.size() <= 10'001);
    for (int i = 100'000 - 24 * 60; i < 100'000; ++i) CHECK(names.holds({1, std::to_string(i)}));
}
