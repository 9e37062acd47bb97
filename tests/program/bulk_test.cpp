// Bulk reads at full load, by the built program in front of a vendor with Gong's own limits.

#include "tests/support/bulk_run.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;

namespace
{

void check(const bulk_load& load, double seconds_max, std::size_t api_calls_max)
{
    bulk_result r = run_in_bulk(load);
    MESSAGE(r.answered << " calls answered rightly, " << r.wrong << " not, in " << r.seconds << " s, for "
                       << r.api_calls << " API calls (" << r.bulk_reads << " bulk reads); the vendor said 429 "
                       << r.refused << " times");
    CAPTURE(r.first_wrong);
    CHECK(r.answered == load.calls);
    CHECK(r.wrong == 0);
    CHECK(r.refused == 0);
    CHECK(r.seconds <= seconds_max);
    CHECK(r.api_calls <= api_calls_max);
}

}  // namespace

TEST_CASE("6,000 calls, one credential: right answers within a minute, for at most 150 API calls, and no 429")
{
    check({}, 60, 150);
}

TEST_CASE("6,000 calls, two credentials of 150 connections each: the same within 90 s")
{
    bulk_load load;
    load.credentials = 2;
    check(load, 90, 200);
}

TEST_CASE("without the extensive scope: right answers, three a second, after one refused bulk read")
{
    bulk_load load;
    load.extensive = false;
    load.connections = load.calls = 150;
    load.further = {"--set", "budget.wait_max=120s"};
    bulk_result r = run_in_bulk(load);
    CAPTURE(r.first_wrong);
    CHECK(r.answered == 150);
    CHECK(r.wrong == 0);
    CHECK(r.bulk_reads == 1);
    CHECK(r.refused == 0);
    CHECK(r.seconds <= 60);
}
