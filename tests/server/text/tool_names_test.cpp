#include "server/text/tool_names.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace callcache;

namespace
{

std::string tool(std::size_t n)
{
    return "tool " + std::to_string(n);
}

}  // namespace

TEST_CASE("tool names: a hundred take places, and the others are told apart no more")
{
    tool_names names;
    for (std::size_t i = 0; i < tool_places_max; ++i) CHECK(names.enter(tool(i)) == tool(i));
    CHECK(names.enter("late") == other_tools);
    CHECK(names.find("late") == other_tools);
    CHECK_FALSE(names.has("late"));
    CHECK(names.enter("tool 0") == "tool 0");
    CHECK(names.find("tool 99") == "tool 99");
    CHECK(names.replaceable().size() == tool_places_max);
}

TEST_CASE("tool names: to look takes no place")
{
    tool_names names;
    CHECK(names.find("etl") == other_tools);
    CHECK_FALSE(names.has("etl"));
    CHECK(names.replaceable().empty());
}

TEST_CASE("tool names: those that are named have places beside the hundred, also from a reload on, and never give way")
{
    tool_names names(std::map<std::string, tool_settings>{{"etl", {}}});
    for (std::size_t i = 0; i < tool_places_max; ++i) names.enter(tool(i));
    CHECK(names.enter("etl") == "etl");
    CHECK(names.enter("late") == other_tools);
    names.add_named({{"tool 7", {}}, {"agent", {}}});
    CHECK(names.enter("agent") == "agent");
    CHECK(names.find("tool 7") == "tool 7");
    CHECK(names.enter("late") == "late");  // in the place that tool 7 needs no more
    for (const std::string& each : names.replaceable())
    {
        CHECK(each != "etl");
        CHECK(each != "agent");
        CHECK(each != "tool 7");
    }
}

TEST_CASE(
    "tool names: one that gives way is other_tools until it comes again, and the one that came longest ago is first")
{
    tool_names names;
    for (std::size_t i = 0; i < tool_places_max; ++i) names.enter(tool(i));
    names.enter("tool 0");
    CHECK(names.replaceable().front() == "tool 1");
    CHECK(names.replaceable().back() == "tool 0");
    names.replace("tool 1", "late");
    CHECK(names.find("tool 1") == other_tools);
    CHECK(names.find("late") == "late");
    CHECK(names.replaceable().back() == "late");
    CHECK(names.replaceable().size() == tool_places_max);
}

TEST_CASE("tool names: each change of a place can be seen, and nothing else")
{
    tool_names names;
    std::uint64_t before = names.changes();
    auto has_changed = [&] { return std::exchange(before, names.changes()) != names.changes(); };
    names.enter("a");
    CHECK(has_changed());
    names.enter("a");
    names.find("b");
    CHECK_FALSE(has_changed());
    names.replace("a", "b");
    CHECK(has_changed());
    names.add_named({{"b", {}}});
    CHECK(has_changed());
    names.add_named({{"b", {}}});
    CHECK_FALSE(has_changed());
}

TEST_CASE("tool names: callcache's own requests are no tool's, and nobody gets into the others' name")
{
    tool_names names;
    CHECK(names.enter("") == "");
    CHECK(names.find("") == "");
    CHECK(names.enter(other_tools) == other_tools);
    CHECK(names.replaceable().empty());
}
