#include "server/telemetry/request_counts.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

std::uint64_t count(const request_totals& t, std::string_view route, outcome o, const std::string& tool)
{
    auto found = t.requests.find({route, o, tool});
    return found == t.requests.end() ? 0 : found->second;
}

// Tools that have places.
struct some_names : tool_names
{
    explicit some_names(std::initializer_list<const char*> tools)
    {
        for (const char* tool : tools) enter(tool);
    }
};

}  // namespace

TEST_CASE("request counts: by route, outcome and tool, and nothing else")
{
    some_names names{"etl", "agent"};
    request_counts counts;
    counts.of(calls_route, "etl", names)->add(outcome::hit, 1us);
    counts.of(calls_route, "etl", names)->add(outcome::hit, 1us);
    counts.of(calls_route, "etl", names)->add(outcome::miss, 1us);
    counts.of("/v2/users/{id}", "etl", names)->add(outcome::hit, 1us);
    counts.of(calls_route, "agent", names)->add(outcome::hit, 1us);
    auto t = counts.total();
    CHECK(count(t, calls_route, outcome::hit, "etl") == 2);
    CHECK(count(t, calls_route, outcome::miss, "etl") == 1);
    CHECK(count(t, "/v2/users/{id}", outcome::hit, "etl") == 1);
    CHECK(count(t, calls_route, outcome::hit, "agent") == 1);
    CHECK(t.requests.size() == 4);
    CHECK(t.seconds.size() == 2);
}

TEST_CASE("request counts: the names outlive what they were given as")
{
    some_names names{"a tool with a name that is long enough for the heap"};
    request_counts counts;
    {
        std::string route = "/v2/users/{id}", tool = "a tool with a name that is long enough for the heap";
        counts.of(route, tool, names)->add(outcome::hit, 1us);
        std::fill(route.begin(), route.end(), 'x');
        std::fill(tool.begin(), tool.end(), 'x');
    }
    auto t = counts.total();
    CHECK(count(t, "/v2/users/{id}", outcome::hit, "a tool with a name that is long enough for the heap") == 1);
}

TEST_CASE("request counts: a row is the same one as long as route and tool are")
{
    some_names names{"etl", "agent"};
    request_counts counts;
    CHECK(counts.of(calls_route, "etl", names) == counts.of(calls_route, "etl", names));
    CHECK(counts.of(calls_route, "etl", names) != counts.of(pass_route, "etl", names));
    CHECK(counts.of(calls_route, "etl", names) != counts.of(calls_route, "agent", names));
}

TEST_CASE("request counts: what is counted of a tool that lost its place is others', now and later, and no sum changes")
{
    tool_names names;
    request_counts counts;
    for (std::size_t i = 0; i < tool_places_max; ++i) names.enter("tool " + std::to_string(i));
    auto kept = counts.of(calls_route, "tool 0", names);
    kept->add(outcome::hit, 1us);
    counts.of(pass_route, "tool 0", names)->add(outcome::pass, 1us);
    counts.of(calls_route, "tool 1", names)->add(outcome::hit, 1us);
    counts.of(calls_route, "late", names)->add(outcome::hit, 1us);
    names.replace("tool 0", "late");
    counts.of(calls_route, "late", names)->add(outcome::miss, 1us);
    kept->add(outcome::hit, 1us);  // on its way when it lost its place
    auto t = counts.total();
    CHECK(count(t, calls_route, outcome::hit, "tool 0") == 0);
    CHECK(count(t, calls_route, outcome::hit, "tool 1") == 1);
    CHECK(count(t, calls_route, outcome::miss, "late") == 1);
    CHECK(count(t, calls_route, outcome::hit, "(others)") == 3);
    CHECK(count(t, pass_route, outcome::pass, "(others)") == 1);
    kept.reset();
    names.replace("late", "tool 0");
    counts.of(calls_route, "tool 0", names);
    t = counts.total();
    CHECK(count(t, calls_route, outcome::hit, "(others)") == 3);
    CHECK(count(t, calls_route, outcome::miss, "(others)") == 1);
    CHECK(count(t, calls_route, outcome::hit, "tool 0") == 0);
}

TEST_CASE("request counts: ten thousand names on one connection leave a bounded number of labels")
{
    tool_names names;
    request_counts counts;
    for (int i = 0; i < 10000; ++i)
    {
        const std::string tool = "tool " + std::to_string(i);
        if (names.enter(tool) == other_tools) names.replace(names.replaceable().front(), tool);
        counts.of(calls_route, tool, names)->add(outcome::hit, 1us);
    }
    auto t = counts.total();
    CHECK(t.requests.size() == tool_places_max + 1);
    CHECK(count(t, calls_route, outcome::hit, "(others)") == 10000 - tool_places_max);
    CHECK(count(t, calls_route, outcome::hit, "tool 9999") == 1);
}

TEST_CASE("request counts: a time that is just the bound is within it")
{
    some_names names{"etl", "agent"};
    request_counts counts;
    auto row = counts.of(calls_route, "etl", names);
    for (auto took : std::vector<std::chrono::nanoseconds>{0ns, 100us, 101us, 30s, 31s}) row->add(outcome::miss, took);
    latency l = counts.total().seconds.at(outcome::miss);
    REQUIRE(l.within.size() == latency_bounds_seconds.size());
    CHECK(l.within.front() == 2);
    CHECK(l.within[1] == 1);
    CHECK(l.within.back() == 1);
    CHECK(l.count == 5);
    CHECK(l.sum_seconds == doctest::Approx(61.000201));
}

TEST_CASE("request counts: what threads count at once is all there")
{
    some_names names{"etl", "agent"};
    request_counts counts;
    constexpr std::uint64_t each = 20000;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            auto row = counts.of(calls_route, "etl", names);
            for (std::uint64_t n = 0; n < each; ++n) row->add(outcome::hit, 2us);
        });
    std::uint64_t seen = 0;
    for (int i = 0; i < 100; ++i)
    {
        std::uint64_t now = count(counts.total(), calls_route, outcome::hit, "etl");
        CHECK(now >= seen);
        seen = now;
    }
    for (std::thread& t : threads) t.join();
    auto t = counts.total();
    CHECK(count(t, calls_route, outcome::hit, "etl") == 4 * each);
    CHECK(t.seconds.at(outcome::hit).within.front() == 4 * each);
    CHECK(t.seconds.at(outcome::hit).sum_seconds == doctest::Approx(0.16));
}
