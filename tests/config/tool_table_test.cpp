#include "config/tool_table.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

std::string shown(std::string_view json)
{
    auto tools = read_tools(json);
    return tools ? show_tools(*tools) : "refused";
}

}  // namespace

TEST_CASE("tools: each part is read, and may be left out")
{
    auto tools = read_tools(R"({"etl": {"daily": 6000, "class": "background", "wait_max": "5s"},
                                "agent": {"class": "interactive"}, "x.Y-z_9": {}})");
    REQUIRE(tools);
    REQUIRE(tools->size() == 3);
    CHECK(tools->at("etl").daily == 6000);
    CHECK(tools->at("etl").how == urgency::background);
    CHECK(tools->at("etl").wait_max == 5s);
    CHECK_FALSE(tools->at("agent").daily);
    CHECK(tools->at("agent").how == urgency::interactive);
    CHECK_FALSE(tools->at("agent").wait_max);
    CHECK_FALSE(tools->at("x.Y-z_9").how);
    CHECK(read_tools("{}")->empty());
    CHECK(read_tools(" \n{ } \n"));
}

TEST_CASE("tools: what is shown is read as the same")
{
    for (std::string json :
         {R"({})", R"({"etl": {}})", R"({"agent": {"wait_max": "5s"}, "etl": {"daily": 6000, "class": "background"}})",
          R"({"a": {"daily": 1, "class": "interactive", "wait_max": "1d"}})",
          R"({"a": {"daily": 18446744073709551615, "wait_max": "0s"}})"})
        CHECK(shown(json) == json);
    CHECK(shown(R"({"b":{"wait_max":"90s"},"a":{"wait_max":"24h"}})") ==
          R"({"a": {"wait_max": "1d"}, "b": {"wait_max": "90s"}})");
    CHECK(shown(R"({"\u0065tl": {"class": "back\u0067round"}})") == R"({"etl": {"class": "background"}})");
}

TEST_CASE("tools: the bounds of each part")
{
    for (std::string part :
         {R"("daily": 1)", R"("wait_max": "0ms")", R"("wait_max": "24h")", R"("wait_max": "86400s")"})
    {
        CAPTURE(part);
        CHECK(read_tools("{\"etl\": {" + part + "}}"));
    }
    for (std::string part : {R"("daily": 0)",
                             R"("daily": -1)",
                             R"("daily": 1.5)",
                             R"("daily": "1")",
                             R"("daily": null)",
                             R"("daily": 18446744073709551616)",
                             R"("daily": 1e3)",
                             R"("class": "Background")",
                             R"("class": "")",
                             R"("class": 1)",
                             R"("class": "background\u0000")",
                             R"("wait_max": "25h")",
                             R"("wait_max": "86401s")",
                             R"("wait_max": 5)",
                             R"("wait_max": "5")",
                             R"("wait_max": "")",
                             R"("wait_max": "-5s")",
                             R"("wait_max": "9223372036854775807d")",
                             R"("waitmax": "5s")",
                             R"("Daily": 5)",
                             R"("": 5)",
                             R"("daily": 1, "daily": 1)",
                             R"("class": "background", "class": "interactive")",
                             R"("wait_max": "1s", "wait_max": "2s")",
                             R"("daily": {})",
                             R"("daily\u0000": 1)"})
    {
        CAPTURE(part);
        CHECK_FALSE(read_tools("{\"etl\": {" + part + "}}"));
    }
}

TEST_CASE("tools: what is not of the form is refused")
{
    for (std::string json : {"",
                             " ",
                             "{",
                             "}",
                             "[]",
                             "null",
                             "1",
                             "\"etl\"",
                             "etl",
                             "{\"etl\"}",
                             "{\"etl\": 1}",
                             "{\"etl\": []}",
                             "{\"etl\": null}",
                             "{\"etl\": {}",
                             "{\"etl\": {}}}",
                             "{\"etl\": {}} x",
                             "{\"etl\": {},}",
                             "{etl: {}}",
                             "{'etl': {}}",
                             "{\"etl\": {}, \"etl\": {}}",
                             "{\"etl\": {}, \"\\u0065tl\": {}}",
                             "{\"\": {}}",
                             "{\"e l\": {}}",
                             "{\"e/l\": {}}",
                             "{\"@etl\": {}}",
                             "{\"etl\\u0000\": {}}",
                             "{\"\\u00e9tl\": {}}"})
    {
        CAPTURE(json);
        CHECK_FALSE(read_tools(json));
    }
    CHECK_FALSE(read_tools(std::string(1'000'000, '[')));
    CHECK_FALSE(read_tools("{\"etl\": " + std::string(1'000'000, '[')));
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
    CHECK_FALSE(read_tools(deep));
}

TEST_CASE("tools: a name is 1 to 64 letters, digits, '-', '_', '.'")
{
    for (std::string name : {"a", "Z", "0", "-", "_", ".", "..", "etl-2.daily_run"}) CHECK(is_tool_name(name));
    CHECK(is_tool_name(std::string(64, 'a')));
    CHECK_FALSE(is_tool_name(std::string(65, 'a')));
    for (std::string name : {"", " ", "a b", "a/b", "@a", "a%20", "a\n", "\xc3\xa9", "a:b", "a\"", "a,b", "a\x7f"})
    {
        CAPTURE(name);
        CHECK_FALSE(is_tool_name(name));
    }
    CHECK_FALSE(is_tool_name(std::string_view("a\0b", 3)));
    CHECK(read_tools("{\"" + std::string(64, 'a') + "\": {}}"));
    CHECK_FALSE(read_tools("{\"" + std::string(65, 'a') + "\": {}}"));
}
