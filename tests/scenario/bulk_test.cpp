// Bulk reads: lookups that wait go upstream together, and whatever is wrong with that ends in single GETs.

#include "tests/support/budget_harness.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string bulk_path = "/v2/calls/extensive";

using tool_list = std::vector<std::unique_ptr<tool>>;

struct bulk_harness : three_a_second
{
    bulk_harness()
    {
        config.bulk.mode = bulk_mode::automatic;
        vendor_options.catalogue.missing_every = 0;
    }

    // A proxy under which the vendor has accepted the credential, with room in the window.
    void start_trusted(const std::string& as = authorization)
    {
        if (!cache) start();
        get(path(900'000), {}, as);
        clock.advance(3s);
    }

    std::size_t bulk_requests() const
    {
        const auto& heads = vendor->heads();
        return std::size_t(std::count_if(heads.begin(), heads.end(), [](const std::string& h) {
            return h.starts_with("POST /v2/calls/extensive HTTP/1.1\r\n");
        }));
    }
    std::size_t calls_of_last_bulk() const
    {
        for (std::size_t i = vendor->heads().size(); i-- > 0;)
            if (vendor->heads()[i].starts_with("POST " + bulk_path))
                return std::size_t(std::count(vendor->bodies()[i].begin(), vendor->bodies()[i].end(), ',')) + 1;
        return 0;
    }

    // Each asks for a call of its own, from `first` on; all have come to the fetcher.
    tool_list ask_for(std::uint64_t first, std::uint64_t count, const std::string& as = authorization)
    {
        tool_list all;
        for (std::uint64_t n = first; n < first + count; ++n)
        {
            all.push_back(asks(path(n), {}, as));
            int rounds = 0;
            run_until([&] { return ++rounds > 20; });  // they come in this order
        }
        settle();
        return all;
    }

    // Lets the clock run until one is on its way.
    void until_bulk()
    {
        clock_runs = true;
        run_until([&] { return bulk_requests() >= 1; });
        clock_runs = false;
    }

    void script_bulk(const std::string& status, const std::string& body, const std::string& more = "")
    {
        vendor->script(bulk_path, sim::scripted{"HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + more +
                                                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
    }

    // Every one has the answer of its own call, and how many of them had it from a bulk read.
    std::size_t check_answers(const tool_list& tools, std::uint64_t first)
    {
        std::size_t in_bulk = 0;
        for (std::size_t i = 0; i < tools.size(); ++i)
        {
            answer a = tools[i]->read();
            CAPTURE(a.raw);
            CHECK(a.status == 200);
            CHECK(call_of(a) == vendor->body(id(first + i)));
            in_bulk += a.cache("detail") == "bulk";
        }
        return in_bulk;
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: bulk reads");

TEST_CASE("a lone lookup, and as many as have room at once, are sent as they came")
{
    bulk_harness w;
    w.start_trusted();
    CHECK(w.get(w.path(1)).cache("detail") == "miss");
    w.clock.advance(3s);
    auto three = w.ask_for(10, 3);
    w.answered(three);
    CHECK(w.check_answers(three, 10) == 0);
    CHECK(w.bulk_requests() == 0);
}

TEST_CASE("lookups that wait go together: each gets its own call, kept byte for byte, for one API call")
{
    bulk_harness w;
    w.start_trusted();
    std::size_t before = w.vendor->requests();
    auto tools = w.ask_for(10, 60);
    CHECK(w.answered(tools) < 4s);
    CHECK(w.check_answers(tools, 10) >= 55);
    CHECK(w.bulk_requests() >= 1);
    CHECK(w.vendor->requests() - before <= 6);
    for (std::uint64_t n = 10; n < 70; ++n)
    {
        answer hit = w.get(w.path(n));
        CHECK(hit.cache("hit") == "hit");
        CHECK(harness::call_of(hit) == w.vendor->body(w.id(n)));
        CHECK(hit.body.starts_with("{\"requestId\":\""));
        CHECK_FALSE(hit.has("set-cookie"));
    }
    CHECK(w.vendor->refused() == 0);
}

TEST_CASE("a bulk read has at most bulk.ids_max calls, each once, and off means off")
{
    bulk_harness w;
    SUBCASE("on")
    {
        w.config.bulk.ids_max = 10;
        w.start_trusted();
        auto tools = w.ask_for(10, 40);
        w.answered(tools);
        w.check_answers(tools, 10);
        CHECK(w.calls_of_last_bulk() <= 10);
        CHECK(w.bulk_requests() >= 3);
    }
    SUBCASE("off")
    {
        w.config.bulk.mode = bulk_mode::off;
        w.start_trusted();
        auto tools = w.ask_for(10, 20);
        w.answered(tools);
        CHECK(w.check_answers(tools, 10) == 0);
        CHECK(w.bulk_requests() == 0);
    }
}

TEST_CASE("one credential's lookups are never asked for, or answered, under another's")
{
    bulk_harness w;
    w.start();
    w.start_trusted();
    w.start_trusted(other_authorization);
    auto mine = w.ask_for(10, 20), theirs = w.ask_for(100, 20, other_authorization);
    w.answered(mine);
    w.answered(theirs);
    w.check_answers(mine, 10);
    w.check_answers(theirs, 100);
    std::size_t seen = 0;
    for (std::size_t i = 0; i < w.vendor->heads().size(); ++i)
    {
        if (!w.vendor->heads()[i].starts_with("POST " + bulk_path)) continue;
        bool is_mine = contains(w.vendor->heads()[i], "Authorization: " + authorization + "\r\n");
        for (std::uint64_t n = 0; n < 20; ++n)
        {
            CHECK(!(is_mine && contains(w.vendor->bodies()[i], "\"" + w.id(100 + n) + "\"")));
            CHECK(!(!is_mine && contains(w.vendor->bodies()[i], "\"" + w.id(10 + n) + "\"")));
        }
        ++seen;
    }
    CHECK(seen >= 2);
    CHECK(w.get(w.path(10), {{"Cache-Control", "only-if-cached"}}, other_authorization).status == 504);
}

TEST_CASE("what is missing from the answer is fetched by its own GET, and a 404 of that is remembered")
{
    bulk_harness w;
    w.vendor_options.catalogue.missing_every = 20;
    w.vendor_options.catalogue.not_found_every = 25;
    w.start_trusted();
    auto tools = w.ask_for(0, 60);
    w.answered(tools);
    for (std::uint64_t n = 0; n < 60; ++n)
    {
        CAPTURE(n);
        answer a = tools[n]->read();
        CHECK(a.status == (w.vendor->catalogue().is_found(n) ? 200u : 404u));
        if (!w.vendor->catalogue().is_in_bulk(n)) CHECK(a.cache("detail") == "miss");
    }
    CHECK(w.get(w.path(7)).cache("detail") == "negative");
    CHECK(w.vendor->refused() == 0);
}

TEST_CASE("a credential without the scope: right answers one by one, one refused batch in an hour, trust untouched")
{
    bulk_harness w;
    w.config.budget.wait_max = 120s;
    w.config.server.answer_max = 150s;
    w.start();
    w.vendor->allow(authorization, {true, false});
    w.start_trusted();
    auto tools = w.ask_for(10, sanitized ? 40 : 150);
    CHECK(w.answered(tools) < 60s);
    CHECK(w.check_answers(tools, 10) == 0);
    CHECK(w.bulk_requests() == 1);
    CHECK(w.vendor->refused() == 0);
    CHECK(w.get(w.path(10)).cache("hit") == "hit");

    w.start();  // it is remembered over a restart
    w.clock.advance(5s);
    auto more = w.ask_for(400, 12);
    w.answered(more);
    CHECK(w.bulk_requests() == 1);
    w.clock.advance(1h);
    auto later = w.ask_for(500, 12);
    w.answered(later);
    CHECK(w.bulk_requests() == 2);
}

TEST_CASE("whatever is wrong with a bulk answer, every call is fetched by its own GET")
{
    for (const char* status : {"400 Bad Request", "404 Not Found", "500 Internal Server Error", "200 OK", "302 Found"})
        for (const char* body :
             {R"({"requestId":"r","errors":["x"]})", "nonsense", "", R"({"requestId":"r","calls":[]})"})
        {
            CAPTURE(status);
            CAPTURE(body);
            bulk_harness w;
            w.start_trusted();
            w.script_bulk(status, body);
            auto tools = w.ask_for(10, 12);
            w.answered(tools);
            CHECK(w.check_answers(tools, 10) == 0);
            CHECK(w.bulk_requests() >= 1);
            // One of the calls may be the reason of a 400 or 500: they are halved, until it is clear that none is.
            const std::string code(status, 3);
            CHECK(w.bulk_requests() <= (code == "400" || code == "500" ? 6 : 3));
        }
}

TEST_CASE("calls that nobody asked for are not kept, and one with another's bytes is not handed on")
{
    bulk_harness w;
    w.start_trusted();
    std::string asked = w.vendor->body(w.id(12)), other = w.vendor->body(w.id(700));
    w.script_bulk("200 OK", R"({"requestId":"r","calls":[{"metaData":)" + other + R"(},{"metaData":)" + asked + "}]}");
    auto tools = w.ask_for(10, 12);
    w.answered(tools);
    w.check_answers(tools, 10);
    CHECK(w.get(w.path(700), {{"Cache-Control", "only-if-cached"}}).status == 504);
}

TEST_CASE("half an emoji or a number beyond a double in a call spoils no bulk read, and is checked like any other call")
{
    bulk_harness w;
    w.start_trusted();
    auto odd = [&](std::uint64_t n) {
        std::string call = w.vendor->body(w.id(n));
        return call.replace(call.size() - 1, 1, R"(,"x":"\ud83d","y":1e999})");
    };
    std::string calls;
    for (std::uint64_t n = 10; n < 22; ++n)
    {
        calls += (n == 10 ? "{\"metaData\":" : ",{\"metaData\":") + odd(n) + "}";
        std::string body = R"({"requestId":"r","call":{"y":1e999,)" + odd(n).substr(1);
        body.replace(body.rfind(R"(,"y":1e999})"), 11, "}");
        w.vendor->script(w.id(n),
                         sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                                       std::to_string(body.size() + 1) + "\r\n\r\n" + body + "}"});
    }
    w.script_bulk("200 OK", R"({"requestId":"r","calls":[)" + calls + "]}");
    auto tools = w.ask_for(10, 12);
    w.answered(tools);
    std::size_t in_bulk = 0;
    for (std::uint64_t n = 10; n < 22; ++n)
    {
        answer a = tools[n - 10]->read();
        CHECK(a.status == 200);
        if (a.cache("detail") != "bulk") continue;
        ++in_bulk;
        CHECK(harness::call_of(a) == odd(n));
        CHECK(w.get(w.path(n), {{"Cache-Control", "only-if-cached"}}).status == 200);
    }
    CHECK(in_bulk >= 6);
    w.clock_runs = true;  // the first bulk read of the day is checked
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    w.clock_runs = false;
    CHECK_FALSE(contains(w.out.text(), "two different calls"));
}

TEST_CASE("a bulk read that is gzipped unasked is decoded, and one that cannot be decoded is fetched one by one")
{
    for (bool is_whole : {true, false})
    {
        CAPTURE(is_whole);
        bulk_harness w;
        w.start_trusted();
        std::string calls;
        for (std::uint64_t n = 10; n < 22; ++n)
            calls += (n == 10 ? "{\"metaData\":" : ",{\"metaData\":") + w.vendor->body(w.id(n)) + "}";
        w.script_bulk("200 OK", gzipped(R"({"requestId":"r","calls":[)" + calls + "]}") + (is_whole ? "" : "x"),
                      "Content-Encoding: gzip\r\n");
        auto tools = w.ask_for(10, 12);
        w.answered(tools);
        std::size_t in_bulk = w.check_answers(tools, 10);
        CHECK((is_whole ? in_bulk >= 6 : in_bulk == 0));
    }
}

TEST_CASE("the vendor's 429 to a bulk read: all of its calls wait, and go together again")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->script(bulk_path, sim::scripted{limited("5")});
    auto tools = w.ask_for(10, 30);
    w.until_bulk();
    w.settle();
    w.vendor->script(bulk_path, std::nullopt);
    CHECK(w.answered(tools) >= 4s);
    CHECK(w.check_answers(tools, 10) >= 20);
    CHECK(w.bulk_requests() <= 4);
}

TEST_CASE("the calls of a bulk read that is lost go again in smaller ones, and nobody is left behind")
{
    for (sim::then then : {sim::then::close, sim::then::reset})
    {
        bulk_harness w;
        w.start_trusted();
        w.vendor->script(bulk_path, sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", then});
        auto tools = w.ask_for(10, 30);
        w.until_bulk();
        w.settle();
        w.vendor->script(bulk_path, std::nullopt);
        w.answered(tools);
        for (const auto& t : tools) CHECK(t->read().status == 200);
        w.clock_runs = true;  // the first bulk read of the day is checked
        w.run_until([&] { return w.cache->misses().report().flights == 0; });
        w.clock_runs = false;
    }
}

TEST_CASE("who hangs up, or runs out of time, while a bulk read is under way takes nobody along")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->hold(bulk_path);
    tool_list tools = w.ask_for(10, 20);
    auto impatient = w.asks(w.path(50), {{"Prefer", "wait=1"}});
    w.until_bulk();
    tools[15]->hang_up();
    w.settle();
    w.vendor->release(bulk_path);
    std::unique_ptr<tool> gone = std::move(tools[15]);
    tools.erase(tools.begin() + 15);
    w.answered(tools);
    for (const auto& t : tools) CHECK(t->read().status == 200);
}

TEST_CASE("what is fetched together may be waited for by several, each with the word for how it came")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->hold(bulk_path);
    tool_list tools = w.ask_for(10, 20);
    w.until_bulk();
    auto joined = w.asks(w.path(29));
    w.run_until([&] { return w.cache->misses().waiting(w.id(29)) == 2; });
    w.vendor->release(bulk_path);
    w.answered(tools);
    CHECK(tools[19]->read().cache("detail") == "bulk");
    CHECK(joined->read().cache("collapsed") == "collapsed");
    CHECK(w.vendor->requests(w.id(29)) == 0);
}

TEST_CASE("the first bulk read of a day is checked against one of its calls' own GET, and a difference ends them")
{
    bulk_harness w;
    w.start_trusted();
    bool differs = false;
    SUBCASE("they are the same") {}
    SUBCASE("they differ")
    {
        differs = true;
        // The lead of a bulk read is the one whose turn it is: all calls say something else there.
        std::string calls;
        for (std::uint64_t n = 10; n < 40; ++n)
            calls += (calls.empty() ? "" : ",") + (R"({"metaData":{"id":")" + w.id(n) + R"(","title":"another"}})");
        w.script_bulk("200 OK", R"({"requestId":"r","calls":[)" + calls + "]}");
    }
    auto tools = w.ask_for(10, 30);
    w.answered(tools);
    w.clock_runs = true;
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    w.clock_runs = false;
    CHECK(contains(w.out.text(), "two different calls") == differs);
    CHECK(contains(w.operator_says("GET", "/stats"),
                   std::string("\"checks\":1,\"differences\":") + (differs ? "1" : "0")));
    std::size_t before = w.bulk_requests();
    w.vendor->script(bulk_path, std::nullopt);
    w.clock.advance(2h);
    w.start_trusted();
    auto more = w.ask_for(200, 30);
    w.answered(more);
    CHECK((w.bulk_requests() > before) == !differs);
}

TEST_CASE("a credential that the vendor has not accepted yet is not asked for in bulk")
{
    bulk_harness w;
    w.start();
    auto tools = w.ask_for(10, 30, sim::basic("nobody", "x"));
    w.answered(tools);
    for (const auto& t : tools) CHECK(t->read().status == 401);
    CHECK(w.bulk_requests() == 0);
    CHECK(w.vendor->requests() <= 3);
}

TEST_CASE("a bulk read that is answered while trust nears its end does not extend it")
{
    bulk_harness w;
    w.config.cache.calls.fresh_min = w.config.cache.calls.fresh_max = 24h;  // trust alone is at work
    w.start_trusted();
    w.clock.advance(47min);
    // Their own GETs, and the daily check's, are answered by somebody on the way, and say nothing either.
    for (std::uint64_t n = 10; n < 40; ++n)
        w.vendor->script(w.id(n), sim::scripted{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"});
    auto tools = w.ask_for(10, 30);
    w.answered(tools);
    REQUIRE(w.bulk_requests() > 0);
    CHECK(tools[10]->read().cache("detail") == "bulk");
    w.clock.advance(75min);  // more than twice credentials.trust since the last lookup, and less since the bulk read
    w.vendor->withdraw(authorization);
    w.vendor->script(w.id(20), std::nullopt);
    CHECK(w.get(w.path(20)).status == 401);
}

TEST_CASE("a refusal by the queue counts what goes together as one")
{
    bulk_harness w;
    w.start_trusted();
    const std::uint64_t count = sanitized ? 90 : 300;  // one by one that takes longer than budget.wait_max, 20 s
    auto tools = w.ask_for(10, count);
    CHECK(w.answered(tools) < 6s);
    CHECK(w.check_answers(tools, 10) >= count - 20);
}

TEST_CASE("an erasure while a bulk read is under way: its calls are handed on, and not kept")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->hold(bulk_path);
    tool_list tools = w.ask_for(10, 20);
    w.until_bulk();
    w.cache->kept().purge_all([](bool) {});
    w.vendor->release(bulk_path);
    w.answered(tools);
    // The last one, as the first of a bulk read is looked up once more, for the daily check.
    CHECK(tools[19]->read().cache("detail") == "bulk");
    CHECK(w.get(w.path(29), {{"Cache-Control", "only-if-cached"}}).status == 504);
}

TEST_CASE("a rider of a bulk read that was sent before a purge is not joined after it")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->hold(bulk_path);
    tool_list tools = w.ask_for(10, 20);
    w.until_bulk();
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").status == 200);
    auto later = w.asks(w.path(29));
    w.run_until([&] { return w.cache->misses().waiting(w.id(29)) == 1; });  // of a flight of its own, and not 2
    w.vendor->release(bulk_path);
    tools.push_back(std::move(later));
    w.answered(tools);
    CHECK(tools.back()->read().cache("collapsed") == "");
    CHECK(tools[19]->read().cache("detail") == "bulk");
    // What was asked for since the purge is kept, and what was sent before it is not.
    CHECK(w.get(w.path(29), {{"Cache-Control", "only-if-cached"}}).status == 200);
    CHECK(w.get(w.path(28), {{"Cache-Control", "only-if-cached"}}).status == 504);
}

TEST_CASE("after a purge of everything what rides in a bulk read is kept again")
{
    bulk_harness w;
    w.start_trusted();
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").status == 200);
    tool_list tools = w.ask_for(10, 20);
    w.answered(tools);
    CHECK(w.bulk_requests() > 0);
    for (std::uint64_t n = 10; n < 30; ++n)
        CHECK(w.get(w.path(n), {{"Cache-Control", "only-if-cached"}}).status == 200);
}

TEST_CASE("a stop in the middle: who rides along is told")
{
    bulk_harness w;
    w.start_trusted();
    w.vendor->hold(bulk_path);
    tool_list tools = w.ask_for(10, 20);
    w.until_bulk();
    SUBCASE("drained")
    {
        w.cache->drain();
        w.settle();
        w.vendor->release(bulk_path);
        w.answered(tools);
        for (const auto& t : tools)
        {
            unsigned status = t->read().status;
            CHECK((status == 200 || status == 503));
        }
    }
    SUBCASE("at once")
    {
        w.stop();
    }
}

TEST_CASE("a list that a tool reads itself brings its calls, uncoded, and each is a hit from then on")
{
    bulk_harness w;
    w.config.budget.rate = w.config.budget.burst = 1000;
    w.start();
    std::string range = "?fromDateTime=2020-01-01T00:00:00Z&toDateTime=2035-01-01T00:00:00Z";
    std::string listed = w.get("/v2/calls" + range, {{"Accept-Encoding", "gzip"}}).body;
    CHECK(contains(w.vendor->heads().back(), "Accept-Encoding: identity\r\n"));
    CHECK_FALSE(contains(w.vendor->heads().back(), "gzip"));
    std::size_t before = w.vendor->requests();
    int kept = 0;
    for (std::uint64_t n = 999'999; n > 999'899; --n)
    {
        answer a = w.get(w.path(n), {{"Cache-Control", "only-if-cached"}});
        if (a.status != 200) continue;
        CHECK(harness::call_of(a) == w.vendor->body(w.id(n)));
        CHECK(contains(listed, harness::call_of(a)));
        ++kept;
    }
    CHECK(kept == 100);
    CHECK(w.vendor->requests() == before);
}

TEST_CASE("a list that a tool reads itself: of a call that was looked up before it the list's bytes are kept, of one "
          "that was looked up while it was under way the lookup's")
{
    bulk_harness w;
    w.config.budget.rate = w.config.budget.burst = 1000;
    w.start();
    const std::string list = "/v2/calls";
    w.get(w.path(1));
    w.vendor->edit(w.id(1));
    const std::string edited = w.vendor->body(w.id(1)), before = w.vendor->body(w.id(2));
    const std::string body = R"({"requestId":"r","calls":[)" + edited + "," + before + "]}";
    w.vendor->script(list, sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                                         std::to_string(body.size()) + "\r\n\r\n" + body});
    w.vendor->hold(list);
    w.clock.advance(1s);
    auto reader = w.asks(list + "?fromDateTime=2020-01-01T00:00:00Z&toDateTime=2035-01-01T00:00:00Z");
    w.run_until([&] { return w.vendor->requests() == 2; });
    w.clock.advance(1s);
    w.vendor->edit(w.id(2));
    CHECK(harness::call_of(w.get(w.path(2))) == w.vendor->body(w.id(2)));
    w.vendor->release(list);
    CHECK(reader->read().body == body);
    w.settle();
    answer listed = w.get(w.path(1)), looked_up = w.get(w.path(2));
    CHECK(listed.cache("hit") == "hit");
    CHECK(harness::call_of(listed) == edited);
    CHECK(looked_up.cache("hit") == "hit");
    CHECK(harness::call_of(looked_up) == w.vendor->body(w.id(2)));
    CHECK(harness::call_of(looked_up) != before);
}

TEST_CASE("a bulk read of a tool's own passes through as it is, and brings its calls")
{
    bulk_harness w;
    w.config.cache.details = view_keeping::off;
    w.start_trusted();
    std::string body = "{\"filter\":{\"callIds\":[\"" + w.id(1) + "\",\"" + w.id(2) + "\"]}}";
    answer a = w.raw("POST " + bulk_path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
                     "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\n\r\n" + body);
    CHECK(a.cache("detail") == "pass");
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    CHECK(w.get(w.path(2)).cache("hit") == "hit");
    CHECK(w.get(w.path(2), {{"Cache-Control", "only-if-cached"}}, other_authorization).status == 504);
}

TEST_CASE("an answer that breaks off, or is no list of calls, brings nothing")
{
    bulk_harness w;
    w.start_trusted();
    std::string call = w.vendor->body(w.id(1));
    for (const std::string& body :
         {R"({"requestId":"r","calls":[{"metaData":)" + call, R"({"requestId":"r","calls":[)" + call + "]}",
          R"({"requestId":"r","calls":[{"metaData":)" + call + R"(},{"metaData":)" + call + "}]}"})
    {
        w.script_bulk("200 OK", body);
        w.send("POST", bulk_path, {{"Content-Length", "0"}});
        CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}).status == 504);
        w.clock.advance(1s);
    }
}

TEST_CASE("a list is copied to be kept while all copies together have room in memory, and passes through without")
{
    bulk_harness w;
    w.config.cache.memory_max = 1 << 20;  // an eighth of it is the copies'
    w.start_trusted();
    std::uint64_t n = 1;
    for (std::size_t padding : {200'000, 100'000, 100'000})
    {
        const std::string body = R"({"requestId":"r","padding":")" + std::string(padding, 'p') +
                                 R"(","calls":[{"metaData":)" + w.vendor->body(w.id(n)) + "}]}";
        w.script_bulk("200 OK", body);
        CHECK(w.send("POST", bulk_path, {{"Content-Length", "0"}}).body == body);
        w.settle();
        const bool is_kept = w.get(w.path(n), {{"Cache-Control", "only-if-cached"}}).status == 200;
        CHECK(is_kept == (padding < 131'072));
        w.clock.advance(1s);
        ++n;
    }
}

TEST_SUITE_END();
