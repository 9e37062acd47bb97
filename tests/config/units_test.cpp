#include "config/units.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;
using namespace std::chrono_literals;

TEST_CASE("units: a duration is a whole number with its unit")
{
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("10s") == 10s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("24h") == 24h);
    CHECK(parse_duration("7d") == 7 * 24h);
    CHECK(parse_duration("0s") == 0ms);
    CHECK(parse_duration("007s") == 7s);
}

TEST_CASE("units: what is not a duration is refused")
{
    for (std::string text : {"", "s", "10", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "1e3s", "0x10s", "10S",
                             "10sec", "1h30m", "10us", "10ss", "never", "d"})
    {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("units: a duration that does not fit is refused, not wrapped")
{
    CHECK(parse_duration("9223372036854775807ms") == std::chrono::milliseconds::max());
    CHECK_FALSE(parse_duration("9223372036854775808ms"));
    CHECK_FALSE(parse_duration("18446744073709551616ms"));
    CHECK(parse_duration("106751991167d"));
    CHECK_FALSE(parse_duration("106751991168d"));
    CHECK_FALSE(parse_duration("99999999999999999999999d"));
}

TEST_CASE("units: a duration is shown in its shortest text")
{
    CHECK(format_duration(0ms) == "0s");
    CHECK(format_duration(90s) == "90s");
    CHECK(format_duration(120s) == "2m");
    CHECK(format_duration(1500ms) == "1500ms");
    CHECK(format_duration(60min) == "1h");
    CHECK(format_duration(36h) == "36h");
    CHECK(format_duration(48h) == "2d");
}

TEST_CASE("units: a size is a whole number with its unit")
{
    CHECK(parse_size("0B") == 0u);
    CHECK(parse_size("17B") == 17u);
    CHECK(parse_size("64KiB") == 65536u);
    CHECK(parse_size("64MiB") == 64u << 20);
    CHECK(parse_size("3GiB") == 3ull << 30);
}

TEST_CASE("units: what is not a size is refused")
{
    for (std::string text : {"", "B", "10", "10 B", "-1B", "+1B", "1.5GiB", "10KB", "10kb", "10kib", "10K", "10MB",
                             "10TiB", "18446744073709551616B", "9223372036854775808B", "8589934592GiB"})
    {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text));
    }
}

TEST_CASE("units: what is shown parses back")
{
    for (auto d :
         {0ms, 1ms, 999ms, 1000ms, 59'999ms, 60'000ms, 3'600'000ms, 86'400'000ms, 86'400'001ms, 2'592'000'000ms})
        CHECK(parse_duration(format_duration(d)) == d);
    for (std::uint64_t n :
         {0ull, 1ull, 1023ull, 1024ull, 1025ull, 1ull << 20, (1ull << 30) - 1, 1ull << 30, 1ull << 44})
        CHECK(parse_size(format_size(n)) == n);
    CHECK(format_size(1536) == "1536B");
    CHECK(format_size(2048) == "2KiB");
    CHECK(format_size(1ull << 40) == "1024GiB");
}
