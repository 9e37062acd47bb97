#include "server/budget/retry_after.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

// Sun, 06 Nov 1994 08:49:00 GMT: 37 seconds before the time of RFC 9110's examples.
constexpr wall_time t0 = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;

std::optional<duration> read(std::string_view field)
{
    return read_retry_after(field, t0);
}

duration pause(const char* field, unsigned in_a_row = 0, duration most = 24h)
{
    std::string text = field ? field : "";
    return pause_after_429(field ? &text : nullptr, in_a_row, most, t0);
}

}  // namespace

TEST_CASE("retry-after: whole seconds")
{
    CHECK(read("1") == 1s);
    CHECK(read("120") == 120s);
    CHECK(read("007") == 7s);
    CHECK(read("86400") == 24h);
}

TEST_CASE("retry-after: a date in each of the three forms of RFC 9110, section 5.6.7")
{
    CHECK(read("Sun, 06 Nov 1994 08:49:37 GMT") == 37s);
    CHECK(read("Sunday, 06-Nov-94 08:49:37 GMT") == 37s);
    CHECK(read("Sun Nov  6 08:49:37 1994") == 37s);
    CHECK(read("Mon, 06 Nov 1994 08:49:37 GMT") == 37s);  // it was a Sunday
    CHECK(read("Sun Nov 13 08:49:00 1994") == 7 * 24h);
    CHECK(read("Mon, 07 Nov 1994 00:00:00 GMT") == 15h + 11min);
    CHECK(read("Tue, 24 Nov 2026 08:00:00 GMT") == std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 8h - t0);
    wall_time today = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24);
    CHECK(read_retry_after("Tuesday, 24-Nov-26 08:00:00 GMT", today) == 8h);
    CHECK(read_retry_after("Tue, 29 Feb 2028 00:00:00 GMT", std::chrono::sys_days(std::chrono::year(2028) / 2 / 28)) ==
          24h);
}

TEST_CASE("retry-after: of several lines the one counts that asks for the longest time")
{
    auto longest = [](const std::vector<std::string>& lines) {
        std::vector<field> fields{{"Age", "9999"}};
        for (const std::string& l : lines) fields.emplace_back("Retry-After", l);
        const std::string* found = longest_retry_after(fields, t0);
        return found ? *found : "none";
    };
    CHECK(longest({}) == "none");
    CHECK(longest({"5"}) == "5");
    CHECK(longest({"5", "300"}) == "300");
    CHECK(longest({"300", "5"}) == "300");
    CHECK(longest({"30", "Sun, 06 Nov 1994 08:49:37 GMT", "36"}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(longest({"soon", "5", "0"}) == "5");
    CHECK(longest({"soon", "-1"}) == "none");
}

TEST_CASE("retry-after: now, the past, zero and nonsense say nothing")
{
    for (std::string field : {"0",
                              "00",
                              "-1",
                              "+1",
                              "1.5",
                              "1,5",
                              "1 2",
                              "1s",
                              "0x10",
                              "",
                              " ",
                              "soon",
                              "1e3",
                              "NaN",
                              "inf",
                              "Sun, 06 Nov 1994 08:49:00 GMT",
                              "Sun, 06 Nov 1994 08:48:59 GMT",
                              "Thu, 01 Jan 1970 00:00:00 GMT",
                              "Foo, 06 Nov 1994 08:49:37 GMT",
                              "06 Nov 1994 08:49:37 GMT",
                              " Sun, 06 Nov 1994 08:49:37 GMT",
                              "Sun, 06 Nov 1994 08:49:37.5 GMT",
                              "Sun, 06 Nov 1994 24:00:00 GMT",
                              "Sun, 06 Nov 01994 08:49:37 GMT",
                              "Sun, 06 Nov 1994 08:49:37 gmt",
                              "Sun Nov  6 08:49:37 1994 GMT",
                              "Sunday, 06-Nov-1994 08:49:37 GMT",
                              "Sun, 06 Nov 1994 08:49:37",
                              "Sun, 06 Nov 1994 08:49:37 PST",
                              "Sun, 06 Nov 1994 08:49:37 GMT x",
                              "Sun, 06 Nov 1994 08:49 GMT",
                              "Sun, 31 Feb 2027 08:49:37 GMT",
                              "Sun, 00 Nov 2027 08:49:37 GMT",
                              "Sun, 32 Nov 2027 08:49:37 GMT",
                              "Sun, 06 Nov 2027 25:00:00 GMT",
                              "Sun, 06 Foo 2027 08:49:37 GMT",
                              "1994-11-06T08:49:37Z",
                              "Sun, 06 Nov 94 08:49:37 GMT",
                              "Tue, 29 Feb 2027 00:00:00 GMT"})
    {
        CAPTURE(field);
        CHECK_FALSE(read(field));
    }
    CHECK_FALSE(read(std::string_view("5\0", 2)));
    CHECK_FALSE(read(std::string(100'000, 'x')));
}

TEST_CASE("retry-after: an absurd number is a year, and not the past")
{
    for (std::string field : {"31536001", "9223372036854775807", "18446744073709551615", "18446744073709551616",
                              "99999999999999999999999999999999"})
    {
        CAPTURE(field);
        CHECK(read(field) == 365 * 24h);
    }
    CHECK(read(std::string(10'000, '9')) == 365 * 24h);
}

TEST_CASE("a pause: as long as the vendor asks, within the bound")
{
    CHECK(pause("42") == 42s);
    CHECK(pause("42", 9) == 42s);
    CHECK(pause("Sun, 06 Nov 1994 08:49:37 GMT") == 37s);
    CHECK(pause("100000") == 24h);
    CHECK(pause("42", 0, 10s) == 10s);
    CHECK(pause("99999999999999999999", 0, 1h) == 1h);
}

TEST_CASE("a pause: without a usable word a second, doubled each time in a row, up to five minutes")
{
    const duration expected[] = {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 5min, 5min};
    for (const char* field :
         {static_cast<const char*>(nullptr), "", "0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"})
        for (unsigned n = 0; n < std::size(expected); ++n) CHECK(pause(field, n) == expected[n]);
    CHECK(pause(nullptr, 64) == 5min);
    CHECK(pause(nullptr, 4'000'000'000u) == 5min);
    CHECK(pause(nullptr, 5, 10s) == 10s);
}
