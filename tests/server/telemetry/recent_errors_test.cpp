#include "server/telemetry/recent_errors.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0 = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1);

}  // namespace

TEST_CASE("recent errors: one that comes again is counted, with the details of the last time, and is the first")
{
    recent_errors r;
    r.note("a request failed", "refused", t0);
    r.note("the disk is full", "", t0 + 1s);
    r.note("a request failed", "timed out", t0 + 2s);
    auto list = r.list();
    REQUIRE(list.size() == 2);
    CHECK(list[0].text == "a request failed: timed out");
    CHECK(list[0].count == 2);
    CHECK(list[0].last == t0 + 2s);
    CHECK(list[1].text == "the disk is full");
}

TEST_CASE("recent errors: only so many are remembered, each only so long, and none with what a terminal acts upon")
{
    recent_errors r;
    for (std::size_t n = 0; n < 500; ++n)
        r.note(std::to_string(n) + std::string(5000, 'x') + std::to_string(n), "", t0 + std::chrono::seconds(n));
    auto list = r.list();
    CHECK(list.size() == recent_errors::kept_max);
    CHECK(list[0].text.starts_with("499x"));
    CHECK(list[0].text.size() <= recent_errors::text_max);
    r.note("it said", "\x1b[2J\n\xff", t0);
    CHECK(r.list()[0].text == "it said: ?[2J??");
}
