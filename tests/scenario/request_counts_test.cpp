// Every answer on the tools' address is counted once, whoever gave it.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

using counted = std::tuple<std::string, outcome, std::string>;

// What has been counted since `before`.
std::map<counted, std::uint64_t> counted_since(const request_totals& before, const harness& w)
{
    std::map<counted, std::uint64_t> more;
    for (auto& [key, n] : w.cache->counts().total().requests)
    {
        auto was = before.requests.find(key);
        std::uint64_t old = was == before.requests.end() ? 0 : was->second;
        if (n > old) more[{std::string(std::get<0>(key)), std::get<1>(key), std::get<2>(key)}] = n - old;
    }
    return more;
}

std::uint64_t timed(const request_totals& t)
{
    std::uint64_t sum = 0;
    for (auto& [word, l] : t.seconds) sum += l.count;
    return sum;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: request counts");

TEST_CASE("counts: each request of a table is counted once, under its route, outcome and tool")
{
    three_a_second w;
    w.config.cache.routes = {{"/v2/users/{id}", 1h}};
    w.config.budget.rate = w.config.budget.burst = 100;
    w.vendor_options.limits = {0, 0};
    w.start();
    const std::string users = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    w.vendor->script("/v2/users/5", sim::scripted{users});
    w.vendor->script("/v2/teams", sim::scripted{users});
    struct row
    {
        std::string bytes;
        unsigned status;
        counted as;
        bool head = false;
    };
    const std::string call = "/@etl" + w.path(1);
    const std::vector<row> table{
        {w.request("GET", call), 200, {"calls", outcome::miss, "etl"}},
        {w.request("GET", call), 200, {"calls", outcome::hit, "etl"}},
        {w.request("HEAD", call), 200, {"calls", outcome::hit, "etl"}, true},
        {w.request("GET", "/@agent" + w.path(1)), 200, {"calls", outcome::hit, "agent"}},
        {w.request("GET", "/@etl/v2/calls/99999999999999999999"), 404, {"calls", outcome::miss, "etl"}},
        {w.request("GET", "/@etl/v2/calls/99999999999999999999"), 404, {"calls", outcome::negative, "etl"}},
        {w.request("GET", "/@etl/v2/calls/undefined"), 400, {"calls", outcome::error, "etl"}},
        {w.request("GET", "/@etl" + w.path(2), {{"Cache-Control", "only-if-cached"}}),
         504,
         {"calls", outcome::error, "etl"}},
        {w.request("GET", "/@etl/v2/users/5"), 200, {"/v2/users/{id}", outcome::miss, "etl"}},
        {w.request("GET", "/@etl/v2/users/5"), 200, {"/v2/users/{id}", outcome::hit, "etl"}},
        {w.request("GET", "/@etl/v2/teams?a=1"), 200, {"pass", outcome::pass, "etl"}},
        {w.request("TRACE", "/@etl/v2/calls"), 405, {"pass", outcome::error, "etl"}},
        {"GET " + call + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
         401,
         {"calls", outcome::error, "etl"}},
        {"GET /v2/calls/1 HTTP/1.1\r\nHost: a b\r\n\r\n", 400, {"invalid", outcome::error, "unknown"}},
        {"nonsense\n\n", 400, {"invalid", outcome::error, "unknown"}},
    };
    for (const row& r : table)
    {
        INFO(r.bytes);
        auto before = w.cache->counts().total();
        CHECK(w.raw(r.bytes, r.head).status == r.status);
        auto more = counted_since(before, w);
        CHECK(more.size() == 1);
        CHECK(more[r.as] == 1);
    }
    CHECK(timed(w.cache->counts().total()) == table.size());
}

TEST_CASE("counts: what the budget refuses is `limited`, a lookup as well as what passes through")
{
    three_a_second w;
    w.config.budget.daily = 1;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    auto before = w.cache->counts().total();
    CHECK(w.get("/@etl" + w.path(2)).status == 429);
    CHECK(w.get("/@etl/v2/users").status == 429);
    auto more = counted_since(before, w);
    CHECK(more.size() == 2);
    CHECK(more[{"calls", outcome::limited, "etl"}] == 1);
    CHECK(more[{"pass", outcome::limited, "etl"}] == 1);
}

TEST_CASE("counts: a tool that does not say its name is its credential and its User-Agent, on one connection too")
{
    harness w;
    w.start();
    w.get("/@etl" + w.path(1));
    w.get("/@etl" + w.path(1), {}, other_authorization);
    auto before = w.cache->counts().total();
    tool t(w);
    for (const std::string& as : {authorization, other_authorization})
        for (const char* agent : {"one", "two"})
            for (int twice = 0; twice < 2; ++twice)
            {
                t.send(w.request("GET", w.path(1), {{"User-Agent", agent}}, as));
                CHECK(t.read().cache("hit") == "hit");
            }
    auto more = counted_since(before, w);
    CHECK(more.size() == 4);
    for (auto& [key, n] : more)
    {
        INFO(std::get<2>(key));
        CHECK(n == 2);
        CHECK((std::get<2>(key).starts_with("one #") || std::get<2>(key).starts_with("two #")));
    }
}

TEST_CASE("counts: a request without a credential is no request of the one that its connection showed before")
{
    harness w;
    w.start();
    w.get("/@etl" + w.path(1));
    tool t(w);
    auto ask = [&](const std::string& as) {
        t.send(w.request("GET", w.path(1), {{"User-Agent", "one"}}, as));
        return t.read().status;
    };
    CHECK(ask(authorization) == 200);
    CHECK(ask("") == 401);
    CHECK(ask(authorization) == 200);
    auto counts = w.cache->counts().total().requests;
    CHECK(counts[{"calls", outcome::error, "one"}] == 1);
    CHECK(std::count_if(counts.begin(), counts.end(), [](const auto& c) {
              return std::get<2>(c.first).starts_with("one #") && std::get<1>(c.first) == outcome::hit && c.second == 2;
          }) == 1);
}

TEST_CASE("counts: the time is from the whole head to the answer")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    w.clock.advance(3s);
    w.vendor->release(w.id(1));
    CHECK(t.read().status == 200);
    auto waited = w.cache->counts().total().seconds.at(outcome::miss);
    CHECK(waited.count == 1);
    CHECK(waited.sum_seconds >= 3);
    CHECK(waited.sum_seconds < 5);
    auto five_seconds = std::find(latency_bounds_seconds.begin(), latency_bounds_seconds.end(), 5.0);
    CHECK(waited.within[std::size_t(five_seconds - latency_bounds_seconds.begin())] == 1);
}

TEST_CASE("counts: a tool that was never answered is not counted")
{
    harness w;
    w.start();
    tool t(w);
    t.send("POST /v2/users HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
           "\r\nContent-Length: 10\r\n\r\nhalf");
    w.run_until([&] { return w.cache->connections() == 1; });
    w.run_for_a_while();
    t.hang_up();
    w.run_until([&] { return w.cache->connections() == 0; });
    CHECK(w.cache->counts().total().requests.empty());
}

TEST_SUITE_END();
