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

}  // namespace

TEST_CASE("request counts: by route, outcome and tool, and nothing else")
{
    request_counts counts;
    counts.of(calls_route, "etl").add(outcome::hit, 1us);
    counts.of(calls_route, "etl").add(outcome::hit, 1us);
    counts.of(calls_route, "etl").add(outcome::miss, 1us);
    counts.of("/v2/users/{id}", "etl").add(outcome::hit, 1us);
    counts.of(calls_route, "agent").add(outcome::hit, 1us);
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
    request_counts counts;
    {
        std::string route = "/v2/users/{id}", tool = "a tool with a name that is long enough for the heap";
        counts.of(route, tool).add(outcome::hit, 1us);
        std::fill(route.begin(), route.end(), 'x');
        std::fill(tool.begin(), tool.end(), 'x');
    }
    auto t = counts.total();
    CHECK(count(t, "/v2/users/{id}", outcome::hit, "a tool with a name that is long enough for the heap") == 1);
}

TEST_CASE("request counts: a row is the same one as long as route and tool are")
{
    request_counts counts;
    CHECK(&counts.of(calls_route, "etl") == &counts.of(calls_route, "etl"));
    CHECK(&counts.of(calls_route, "etl") != &counts.of(pass_route, "etl"));
    CHECK(&counts.of(calls_route, "etl") != &counts.of(calls_route, "agent"));
}

TEST_CASE("request counts: a hundred tools are told apart, and the rest is `(others)`")
{
    request_counts counts;
    for (int i = 0; i < 150; ++i) counts.of(calls_route, "tool-" + std::to_string(i)).add(outcome::hit, 1us);
    for (int i = 0; i < 150; ++i) counts.of(pass_route, "tool-" + std::to_string(i)).add(outcome::pass, 1us);
    auto t = counts.total();
    CHECK(count(t, calls_route, outcome::hit, "tool-99") == 1);
    CHECK(count(t, calls_route, outcome::hit, "tool-100") == 0);
    CHECK(count(t, calls_route, outcome::hit, "(others)") == 50);
    CHECK(count(t, pass_route, outcome::pass, "tool-0") == 1);
    CHECK(count(t, pass_route, outcome::pass, "(others)") == 50);
}

TEST_CASE("request counts: a time that is just the bound is within it")
{
    request_counts counts;
    auto& row = counts.of(calls_route, "etl");
    for (auto took : std::vector<std::chrono::nanoseconds>{0ns, 100us, 101us, 30s, 31s}) row.add(outcome::miss, took);
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
    request_counts counts;
    constexpr std::uint64_t each = 20000;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&counts] {
            auto& row = counts.of(calls_route, "etl");
            for (std::uint64_t n = 0; n < each; ++n) row.add(outcome::hit, 2us);
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
