#include "server/text/json_text.hpp"

#include "tests/support/json_object.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

// A value as it stands in JSON.
template<class Value>
std::string shown(const Value& v)
{
    json_text json;
    json.put(v);
    return json.text();
}

}  // namespace

TEST_CASE("json: each kind of value, in the order in which it was written")
{
    std::string text = json_line([](json_text& json) {
        json("text", "a");
        json("number", 3u);
        json("yes", true);
        json("object", [&] {
            json("names", std::vector<std::string>{"x", "y"});
            json("empty", [] {});
        });
        json.list("rows", std::vector<int>{1, 2}, [&](int n) { json("n", n); });
        json.list("none", std::vector<int>{}, [&](int) {});
    });
    CHECK(text == R"({"text":"a","number":3,"yes":true,"object":{"names":["x","y"],"empty":{}},)"
                  R"("rows":[{"n":1},{"n":2}],"none":[]})"
                  "\n");
}

TEST_CASE("json: numbers are whole as far as 64 bits go, and seconds go to the microsecond")
{
    CHECK(shown(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(shown(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(shown(3.0) == "3");
    CHECK(shown(0.0) == "0");
    CHECK(shown(-2.5) == "-2.5");
    CHECK(shown(0.25) == "0.25");
    CHECK(shown(0.000099) == "0.000099");
    CHECK(shown(1.0 / 3) == "0.333333");
}

TEST_CASE("json: a time is whole seconds since 1970, and what is not there is null")
{
    CHECK(shown(wall_time(1'790'856'000s + 999ms)) == "1790856000");
    CHECK(shown(std::optional<wall_time>(wall_time(5s))) == "5");
    CHECK(shown(std::optional<std::uint64_t>()) == "null");
    CHECK(shown(std::optional<std::string>("a")) == "\"a\"");
}

TEST_CASE("json: a name is escaped as text is, and what is acted upon or opens a tag is in neither")
{
    const std::string hostile = "<b>\"\\\x1b\x7f\xc2\x9b\xe2\x80\xa8\xff caf\xc3\xa9";
    const std::string escaped = R"("\u003Cb>\"\\\u001B\u007F\u009B\u2028? )"
                                "caf\xc3\xa9\"";
    CHECK(shown(hostile) == escaped);
    std::string object = json_object([&](json_text& json) { json(hostile, hostile); });
    CHECK(object == "{" + escaped + ":" + escaped + "}");
    CHECK(is_json_object(object));
}

TEST_CASE("json: any bytes are valid JSON, alone and cut off before others")
{
    for (unsigned first = 0; first < 256; ++first)
        for (unsigned second = 0; second < 256; ++second)
        {
            const std::string bytes{char(first), char(second), '"', 'x'};
            for (std::size_t size : {1u, 2u, 4u})
            {
                std::string object = json_object([&](json_text& json) {
                    json("a", std::string_view(bytes).substr(0, size));
                    json("b", true);
                });
                CAPTURE(object);
                bool good = is_json_object(object) && object.ends_with(R"(","b":true})");
                if (!good) FAIL_CHECK("not so");
            }
        }
    CHECK(shown(std::string_view("\xf0"
                                 "abc",
                                 1)) == "\"?\"");
}
