#include "cache/rfc3339.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;
using namespace std::chrono_literals;
using namespace std::chrono;

TEST_CASE("rfc3339: times as the vendor writes them")
{
    const wall_time t = sys_days{2018y / 2 / 17} + 10h + 30min;
    struct
    {
        std::string text;
        wall_time time;
    } cases[] = {
        {"2018-02-17T10:30:00Z", t},
        {"2018-02-17t10:30:00z", t},
        {"2018-02-17T10:30:00+00:00", t},
        {"2018-02-17T10:30:00-00:00", t},
        {"2018-02-17T12:30:00+02:00", t},
        {"2018-02-17T02:30:00-08:00", t},
        {"2018-02-18T00:29:00+13:59", t},
        {"2018-02-17T16:00:00+05:30", t},
        {"2018-02-17T10:30:00.5Z", t + 500ms},
        {"2018-02-17T10:30:00.123Z", t + 123ms},
        {"2018-02-17T10:30:00.123456-00:00", t + 123456us},
        {"2018-02-17T10:30:00.123456789Z", t + 123456us},
        {"2018-02-17T10:30:00.000000000000000000001Z", t},
        {"1970-01-01T00:00:00Z", wall_time{}},
        {"1969-12-31T23:59:59Z", wall_time{-1s}},
        {"2020-02-29T00:00:00Z", sys_days{2020y / 2 / 29}},
        {"2016-12-31T23:59:60Z", sys_days{2017y / 1 / 1}},
        {"9999-12-31T23:59:59Z", sys_days{9999y / 12 / 31} + 24h - 1s},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.text);
        auto parsed = parse_rfc3339(c.text);
        REQUIRE(parsed);
        CHECK(*parsed == c.time);
    }
}

TEST_CASE("rfc3339: what is not such a time is nothing")
{
    for (std::string text : {"",
                             "now",
                             "2018",
                             "2018-02-17",
                             "2018-02-17T10:30Z",
                             "2018-02-17T10:30:00",
                             "2018-02-17T10:30:00.Z",
                             "2018-02-17T10:30:00.",
                             "2018-2-17T10:30:00Z",
                             "2018-13-17T10:30:00Z",
                             "2018-00-17T10:30:00Z",
                             "2018-02-30T10:30:00Z",
                             "2018-02-00T10:30:00Z",
                             "2019-02-29T10:30:00Z",
                             "2018-02-17T24:00:00Z",
                             "2018-02-17T10:60:00Z",
                             "2018-02-17T10:30:61Z",
                             "2018-02-17T10:30:00ZZ",
                             "2018-02-17T10:30:00Z ",
                             " 2018-02-17T10:30:00Z",
                             "2018-02-17T10:30:00+2:00",
                             "2018-02-17T10:30:00+02",
                             "2018-02-17T10:30:00+24:00",
                             "2018-02-17T10:30:00+02:60",
                             "2018-02-17T10:30:00+",
                             "2018/02/17T10:30:00Z",
                             "2018-02-17_10:30:00Z",
                             "-018-02-17T10:30:00Z",
                             "+2018-02-17T10:30:00Z",
                             "12018-02-17T10:30:00Z",
                             "2018-02-17T-1:30:00Z",
                             "1518863400",
                             "2018-02-17T10:30:00,5Z",
                             "2018-02-17T10:30:00+02:00Z"})
    {
        CAPTURE(text);
        CHECK_FALSE(parse_rfc3339(text));
    }
    CHECK_FALSE(parse_rfc3339(std::string_view("2018-02-17T10:30:00Z\0", 21)));
}

TEST_CASE("rfc3339: no beginning of a time is a time")
{
    const std::string text = "2018-02-17T10:30:00.123+02:00";
    for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_rfc3339(std::string_view(text).substr(0, n)));
}

TEST_CASE("rfc3339: what is written is whole seconds, in UTC, and reads back")
{
    const wall_time t = sys_days{2024y / 2 / 29} + 23h + 59min + 58s;
    CHECK(format_rfc3339(t) == "2024-02-29T23:59:58Z");
    CHECK(format_rfc3339(t + 999ms) == "2024-02-29T23:59:58Z");
    CHECK(parse_rfc3339(format_rfc3339(t)) == t);
}
