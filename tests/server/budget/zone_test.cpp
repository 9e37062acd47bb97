#include "server/budget/zone.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

calendar days_of(const std::string& zone)
{
    auto found = calendar_of(zone);
    REQUIRE(std::holds_alternative<calendar>(found));
    return std::get<calendar>(found);
}

constexpr wall_time utc(int year, unsigned month, unsigned day, duration time = {})
{
    return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) + time;
}

bool is(const local_day& day, wall_time begin, duration length)
{
    CHECK(day.begin == begin);
    CHECK((day.end - day.begin).count() == length.count());
    return true;
}

}  // namespace

TEST_CASE("zone: sliding has no days, and UTC those of 24 hours")
{
    CHECK_FALSE(days_of("sliding"));
    calendar days = days_of("UTC");
    is(days(utc(2026, 3, 8)), utc(2026, 3, 8), 24h);
    is(days(utc(2026, 3, 9) - 1us), utc(2026, 3, 8), 24h);
    is(days(utc(2026, 12, 31, 23h)), utc(2026, 12, 31), 24h);
    is(days(utc(1969, 12, 31, 5h)), utc(1969, 12, 31), 24h);
}

TEST_CASE("zone: New York's days of 2026 have 24 hours, but for one of 23 and one of 25")
{
    calendar days = days_of("America/New_York");
    is(days(utc(2026, 1, 15, 12h)), utc(2026, 1, 15, 5h), 24h);
    is(days(utc(2026, 7, 15, 12h)), utc(2026, 7, 15, 4h), 24h);
    is(days(utc(2026, 7, 15, 4h) - 1us), utc(2026, 7, 14, 4h), 24h);
    for (duration time : {duration(5h), duration(7h), duration(12h), duration(28h) - 1us})
        is(days(utc(2026, 3, 8, time)), utc(2026, 3, 8, 5h), 23h);
    is(days(utc(2026, 3, 8, 28h)), utc(2026, 3, 9, 4h), 24h);
    for (duration time : {duration(4h), duration(5h + 30min), duration(6h + 30min), duration(29h) - 1us})
        is(days(utc(2026, 11, 1, time)), utc(2026, 11, 1, 4h), 25h);
    is(days(utc(2026, 11, 1, 29h)), utc(2026, 11, 2, 5h), 24h);
}

TEST_CASE("zone: where the clock skips midnight the day begins at one, and where it goes back to 23 it is longer")
{
    calendar days = days_of("America/Sao_Paulo");
    is(days(utc(2017, 10, 15, 2h + 59min)), utc(2017, 10, 14, 3h), 24h);
    is(days(utc(2017, 10, 15, 3h)), utc(2017, 10, 15, 3h), 23h);
    is(days(utc(2017, 10, 15, 12h)), utc(2017, 10, 15, 3h), 23h);
    is(days(utc(2018, 2, 18, 1h + 30min)), utc(2018, 2, 17, 2h), 25h);
    is(days(utc(2018, 2, 18, 2h + 30min)), utc(2018, 2, 17, 2h), 25h);
    is(days(utc(2018, 2, 18, 3h)), utc(2018, 2, 18, 3h), 24h);
}

TEST_CASE("zone: where midnight comes twice the day begins with the first")
{
    calendar days = days_of("America/Havana");
    is(days(utc(2016, 11, 6, 4h + 30min)), utc(2016, 11, 6, 4h), 25h);
    is(days(utc(2016, 11, 6, 5h + 30min)), utc(2016, 11, 6, 4h), 25h);
    is(days(utc(2016, 11, 6, 4h) - 1us), utc(2016, 11, 5, 4h), 24h);
}

TEST_CASE("zone: days follow each other without a gap, hold the time they are asked for, and have 23 to 25 hours")
{
    for (const char* zone : {"UTC", "America/New_York", "America/Sao_Paulo", "America/Santiago", "America/Havana",
                             "Asia/Beirut", "Africa/Cairo", "Asia/Kathmandu", "Asia/Jerusalem", "Australia/Lord_Howe",
                             "Pacific/Chatham", "Pacific/Kiritimati", "Europe/London"})
    {
        CAPTURE(zone);
        calendar days = days_of(zone);
        local_day before = days(utc(2016, 1, 1));
        for (wall_time t = utc(2016, 1, 1); t < utc(2028, 1, 1); t += 1h + 1s)
        {
            local_day day = days(t);
            REQUIRE(day.begin <= t);
            REQUIRE(t < day.end);
            REQUIRE(day.end - day.begin >= 23h);
            REQUIRE(day.end - day.begin <= 25h);
            REQUIRE((day.begin == before.begin || day.begin == before.end));
            before = day;
        }
    }
}

TEST_CASE("zone: what is no zone is named, with what is allowed")
{
    for (std::string zone : {"", "Sliding", "Mars/Olympus", "America", "america/new_york", "../../etc/passwd",
                             "/etc/localtime", "EST5EDT4,M3.2.0,M11.1.0", "+02:00", "America/New_York "})
    {
        CAPTURE(zone);
        auto found = calendar_of(zone);
        REQUIRE(std::holds_alternative<std::string>(found));
        CHECK(std::get<std::string>(found).starts_with("budget.day: found \"" + zone + "\", allowed is sliding"));
    }
}
