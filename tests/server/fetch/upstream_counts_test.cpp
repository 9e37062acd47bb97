#include "server/fetch/upstream_counts.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

TEST_CASE("upstream counts: by kind and status, and each duration in its bucket up to the bound")
{
    upstream_counts c;
    c.ended(upstream_kind::lookup, 200, 100us);
    c.ended(upstream_kind::lookup, 200, 101us);
    c.ended(upstream_kind::lookup, 404, 31s);
    c.ended(upstream_kind::bulk, 0, 15s);
    const kind_totals& lookups = c.total().by_kind.at(upstream_kind::lookup);
    CHECK(lookups.by_status == std::map<unsigned, std::uint64_t>{{200, 2}, {404, 1}});
    CHECK(lookups.took.within[0] == 1);
    CHECK(lookups.took.within[1] == 1);
    CHECK(lookups.took.count == 3);
    CHECK(lookups.took.sum_seconds == doctest::Approx(31.000201));
    CHECK(c.total().by_kind.at(upstream_kind::bulk).by_status.at(0) == 1);
}

TEST_CASE("upstream counts: whatever the vendor says and tools call themselves, the labels are bounded")
{
    upstream_counts c;
    for (unsigned status = 0; status < 5000; ++status) c.ended(upstream_kind::pass, status, 1ms);
    CHECK(c.total().by_kind.at(upstream_kind::pass).by_status.size() == 501);
    CHECK(c.total().by_kind.at(upstream_kind::pass).by_status.at(0) == 4500);
    tool_names names;
    for (int n = 0; n < 1000; ++n)
    {
        const std::string tool = "tool " + std::to_string(n);
        if (names.enter(tool) == other_tools) names.replace(names.replaceable().front(), tool);
        c.sent(names, tool);
    }
    c.sent(names, "tool 999");
    c.sent(names, "tool 1");
    CHECK(c.total().sent == 1002);
    CHECK(c.total().sent_by_tool.size() == 101);
    CHECK(c.total().sent_by_tool.at("tool 999") == 2);
    CHECK(c.total().sent_by_tool.at("(others)") == 901);
}
