#include "server/text/human.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("words");

TEST_CASE("words: a span is told in the units that a person would use, and never as less than it is")
{
    const std::pair<std::int64_t, const char*> spans[] = {
        {0, "0 s"},          {119, "119 s"},          {120, "2 min"},      {121, "3 min"},
        {7199, "2 h"},       {7260, "2 h 1 min"},     {255'600, "71 h"},   {255'601, "3 days"},
        {259'200, "3 days"}, {259'201, "3 days 1 h"}, {691'200, "8 days"}, {2'592'000, "30 days"},
    };
    for (auto [seconds, text] : spans) CHECK(span_text(seconds) == text);
}

TEST_CASE("words: a short wait has its fraction, and a long one none")
{
    const std::pair<double, const char*> waits[] = {{0, "0 ms"},           {0.0404, "40 ms"}, {1, "1.0 s"},
                                                    {9.94, "9.9 s"},       {10, "10 s"},      {10.1, "11 s"},
                                                    {86'490, "24 h 2 min"}};
    for (auto [seconds, text] : waits) CHECK(wait_text(seconds) == text);
}

TEST_CASE("words: thousands are grouped")
{
    CHECK(grouped(999) == "999");
    CHECK(grouped(10'000) == "10,000");
    CHECK(grouped(1'234'567) == "1,234,567");
}

TEST_CASE("words: a time of day has its date when it is a day or more away, and no fraction")
{
    const wall_time noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
    CHECK(clock_text(noon + 1h + 2min + 3s + 999ms, noon) == "13:02:03 UTC");
    CHECK(clock_text(noon - 1us, noon) == "11:59:59 UTC");
    CHECK(clock_text(noon + 24h - 1us, noon) == "11:59:59 UTC");
    CHECK(clock_text(noon + 24h, noon) == "2026-03-02 12:00:00 UTC");
    CHECK(clock_text(noon - 24h, noon, false) == "2026-02-28 12:00 UTC");
    CHECK(clock_text(wall_time{}, noon) == "1970-01-01 00:00:00 UTC");
    CHECK(minute_text(std::chrono::floor<std::chrono::minutes>(noon - 1s)) == "11:59 UTC");
}
