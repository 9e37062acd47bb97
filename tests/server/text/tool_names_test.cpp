#include "server/text/tool_names.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace callcache;

TEST_CASE("tool names: a hundred have places, none is put out for a newcomer, and the late ones share a place beyond")
{
    std::set<std::string, std::less<>> table;
    auto enter = [&](const std::string& tool) { return *table.emplace(name_in(table, tool)).first; };
    for (std::size_t i = 0; i < tools_max; ++i)
        CHECK(enter("tool " + std::to_string(i)) == "tool " + std::to_string(i));
    CHECK(enter("late") == other_tools);
    CHECK(enter("later") == other_tools);
    CHECK(enter("tool 0") == "tool 0");
    CHECK(enter("tool 99") == "tool 99");
    CHECK(table.size() == tools_max + 1);
}

TEST_CASE("tool names: a place that becomes free is the next newcomer's")
{
    std::set<std::string, std::less<>> table;
    for (std::size_t i = 0; i < tools_max; ++i) table.insert("tool " + std::to_string(i));
    CHECK(name_in(table, "late") == other_tools);
    table.erase("tool 7");
    CHECK(name_in(table, "late") == "late");
}
