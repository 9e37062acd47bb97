#include "server/fetch/duplicate_fetches.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time morning = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 8h;
const digest one = sha256("one"), two = sha256("two"), three = sha256("three");

}  // namespace

TEST_CASE("duplicate fetches: a call is one for each further credential that fetches it, and not for its refreshes")
{
    duplicate_fetches d;
    d.fetched("1", one, true, morning);
    d.fetched("1", one, true, morning + 1h);
    CHECK(d.report(morning).today == 0);
    d.fetched("1", two, true, morning + 1h);
    d.fetched("1", two, true, morning + 2h);
    d.fetched("1", three, true, morning + 2h);
    d.fetched("1", one, true, morning + 2h);
    d.fetched("2", three, true, morning + 2h);
    CHECK(d.report(morning + 2h).today == 2);
    CHECK(d.report(morning + 2h).credentials == 3);
    CHECK(d.report(morning + 2h).total == 2);
}

TEST_CASE("duplicate fetches: what a bulk read brings costs no API call of its own, and later saves one")
{
    duplicate_fetches d;
    d.fetched("1", one, true, morning);
    d.fetched("1", two, false, morning);
    CHECK(d.report(morning).today == 0);
    d.fetched("2", one, false, morning);
    d.fetched("2", two, true, morning);
    CHECK(d.report(morning).today == 1);
}

TEST_CASE("duplicate fetches: each day begins anew, and the total goes on")
{
    duplicate_fetches d;
    d.fetched("1", one, true, morning);
    d.fetched("1", two, true, morning);
    CHECK(d.report(morning + 16h).today == 0);
    d.fetched("1", two, true, morning + 16h);
    CHECK(d.report(morning + 16h).today == 0);
    d.fetched("1", one, true, morning + 16h);
    CHECK(d.report(morning + 16h).today == 1);
    CHECK(d.report(morning + 16h).total == 2);
}

TEST_CASE("duplicate fetches: a day of very many calls is bounded")
{
    duplicate_fetches d;
    for (std::size_t n = 0; n < duplicate_fetches::calls_max; ++n) d.fetched(std::to_string(n), one, true, morning);
    d.fetched("0", two, true, morning);
    CHECK(d.report(morning).today == 0);
}
