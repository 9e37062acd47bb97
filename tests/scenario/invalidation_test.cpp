// What passes through and changes something makes what is kept untrue.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string erasure = "/v2/data-privacy/erase-data-for-email-address?emailAddress=a%40b.example";

struct kept_harness : harness
{
    kept_harness()
    {
        config.cache.routes = {{"/v2/users/{id}", 1h}};
        start();
        for (const char* path : {"/v2/users/5", "/v2/users/6"}) answer_with(path, "200 OK");
        get(path(1));
        get(path(2));
        get("/v2/users/5?a=1");
        get("/v2/users/6");
        clock.advance(2s);
    }
    bool is_kept(const std::string& target) { return get(target, {{"Cache-Control", "only-if-cached"}}).status == 200; }
    void answer_with(const std::string& path, const std::string& status, const std::string& fields = "")
    {
        const std::string body = status.starts_with("204") ? "" : "{}";
        vendor->script(path, sim::scripted{"HTTP/1.1 " + status + "\r\n" + fields +
                                           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: invalidation");

TEST_CASE("a successful unsafe method drops what is kept of its path, with every query, for every credential")
{
    for (const char* method : {"PUT", "POST", "PATCH", "DELETE", "FROB"})
    {
        CAPTURE(method);
        kept_harness w;
        w.get("/v2/users/5?b", {}, other_authorization);
        CHECK(w.send(method, "/v2/users/5").status == 200);
        CHECK_FALSE(w.is_kept("/v2/users/5?a=1"));
        CHECK(w.is_kept("/v2/users/6"));
        CHECK(w.is_kept(w.path(1)));
        CHECK(w.get("/v2/users/5?b", {{"Cache-Control", "only-if-cached"}}, other_authorization).status == 504);
        w.start();
        CHECK_FALSE(w.is_kept("/v2/users/5?a=1"));
        CHECK(w.is_kept("/v2/users/6"));
    }
}

TEST_CASE("what a safe method or a refused one asks for changes nothing")
{
    kept_harness w;
    w.send("OPTIONS", "/v2/users/5");
    w.get("/v2/users/5", {{"Accept", "text/csv"}});
    CHECK(w.is_kept("/v2/users/5?a=1"));
    for (const char* status : {"400 Bad Request", "403 Forbidden", "404 Not Found", "409 Conflict"})
    {
        w.clock.advance(2s);
        w.answer_with("/v2/users/5", status);
        w.send("PUT", "/v2/users/5");
        CHECK(w.is_kept("/v2/users/5?a=1"));
    }
}

TEST_CASE("what may have been done counts as done: an answer of 5xx, none, or nobody left to hear it")
{
    kept_harness w;
    SUBCASE("5xx")
    {
        w.answer_with("/v2/users/5", "500 Internal Server Error");
        CHECK(w.send("PUT", "/v2/users/5").status == 500);
    }
    SUBCASE("lost")
    {
        w.vendor->script("/v2/users/5", sim::scripted{"", sim::then::close});
        CHECK(w.send("PUT", "/v2/users/5").status == 502);
    }
    SUBCASE("the tool hangs up")
    {
        w.vendor->hold("/v2/users/5");
        std::size_t before = w.vendor->requests();
        tool t(w);
        t.send(w.request("PUT", "/v2/users/5"));
        w.run_until([&] { return w.vendor->requests() > before; });
        t.hang_up();
        w.run_for_a_while();
        w.vendor->release("/v2/users/5");
        w.run_until([&] { return !w.is_kept("/v2/users/5?a=1"); });
    }
    CHECK_FALSE(w.is_kept("/v2/users/5?a=1"));
    CHECK(w.is_kept("/v2/users/6"));
}

TEST_CASE("media that is put for a call drops the call; a created resource's Location counts too")
{
    kept_harness w;
    CHECK(w.send("PUT", w.path(1) + "/media").status == 200);
    CHECK_FALSE(w.is_kept(w.path(1)));
    CHECK(w.is_kept(w.path(2)));
    w.answer_with("/v2/other", "201 Created", "Location: /v2/users/6\r\n");
    CHECK(w.send("POST", "/v2/other").status == 201);
    CHECK_FALSE(w.is_kept("/v2/users/6"));
}

TEST_CASE("an answer that was sent for before a change, and comes after it, is not kept")
{
    kept_harness w;
    w.vendor->hold(w.id(3));
    tool t(w);
    t.send(w.request("GET", w.path(3)));
    w.run_until([&] { return w.vendor->requests(w.id(3)) == 1; });
    w.send("PUT", w.path(3) + "/media");
    w.vendor->release(w.id(3));
    CHECK(t.read().status == 200);
    CHECK_FALSE(w.is_kept(w.path(3)));
}

TEST_CASE("an erasure drops everything, for every credential, also after a restart")
{
    kept_harness w;
    w.get(w.path(1), {}, other_authorization);
    w.clock.advance(2s);
    CHECK(w.send("POST", erasure).status == 200);
    for (bool again : {false, true})
    {
        if (again) w.start();
        for (const std::string& target :
             {w.path(1), w.path(2), std::string("/v2/users/5?a=1"), std::string("/v2/users/6")})
            CHECK_FALSE(w.is_kept(target));
        CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}, other_authorization).status == 504);
    }
    CHECK(contains(w.out.text(), "an erasure passed through"));
    CHECK_FALSE(contains(w.out.text(), "b.example"));
}

TEST_CASE("an erasure that is refused drops nothing")
{
    kept_harness w;
    for (const char* status : {"401 Unauthorized", "403 Forbidden", "404 Not Found", "400 Bad Request"})
    {
        w.answer_with("/v2/data-privacy/erase-data-for-email-address", status);
        w.send("POST", erasure);
        w.clock.advance(20s);
    }
    CHECK(w.is_kept(w.path(1)));
    w.get("/v2/users/6?new");
    w.clock.advance(30min);
    CHECK(w.get("/v2/users/6?new").cache("detail") == "hit");  // nor does it hold freshness down
    w.start();
    CHECK(w.is_kept("/v2/users/6"));
}

TEST_CASE("an erasure without an answer counts as done")
{
    kept_harness w;
    w.vendor->script("/v2/data-privacy/erase-data-for-email-address", sim::scripted{"", sim::then::reset});
    CHECK(w.send("POST", erasure).status == 502);
    CHECK_FALSE(w.is_kept(w.path(1)));
}

TEST_CASE("an erasure on whose way the process ends counts as done for the next one")
{
    kept_harness w;
    w.vendor->hold("/v2/data-privacy/erase-data-for-email-address");
    std::size_t before = w.vendor->requests();
    tool t(w);
    t.send(w.request("POST", erasure));
    w.run_until([&] { return w.vendor->requests() > before; });
    CHECK(w.is_kept(w.path(1)));
    w.start();
    CHECK_FALSE(w.is_kept(w.path(1)));
}

TEST_CASE("for hours after an erasure nothing is fresh for longer than cache.calls.fresh_min, also after a restart")
{
    kept_harness w;
    w.send("POST", erasure);
    w.start();
    w.get(w.path(1));
    w.get("/v2/users/6");
    w.clock.advance(4min);
    CHECK(w.get(w.path(1)).cache("detail") == "hit");
    w.clock.advance(2min);
    CHECK(w.get(w.path(1)).cache("detail") == "stale");
    CHECK(w.get("/v2/users/6").cache("detail") == "stale");
    w.clock.advance(6h);
    w.get("/v2/users/6");
    w.clock.advance(30min);
    CHECK(w.get("/v2/users/6").cache("detail") == "hit");
}

// A POST or PUT with a body that is longer than what is held before it is sent.
struct long_request
{
    long_request(kept_harness& harness, const std::string& method, const std::string& target, const std::string& as) :
        w(harness)
    {
        std::size_t before = w.cache->misses().report().totals.sent;
        std::string head = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + as +
                           "\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        t.send(head + std::string(size / 10, 'x'));
        w.run_until([&] { return w.cache->misses().report().totals.sent > before; });
    }
    void break_off()
    {
        t.hang_up();
        w.run_until([&] { return w.cache->misses().report().flights == 0; });
        w.run_for_a_while();
    }
    void finish() { t.send(std::string(size - size / 10, 'x')); }

    static constexpr std::size_t size = 1 << 20;
    kept_harness& w;
    tool t{w};
};

const std::string made_up = sim::basic("made", "up");
const std::string erasure_path = "/v2/data-privacy/erase-data-for-email-address";

TEST_CASE("a request that is broken off before it is whole changes nothing, whose ever it is")
{
    for (const std::string& as : {authorization, made_up})
    {
        CAPTURE(as);
        kept_harness w;
        for (const char* path : {erasure_path.c_str(), "/v2/users/5"})
            w.vendor->script(path, sim::scripted{"", sim::then::hang});  // it reads, and does not answer
        long_request erases(w, "POST", erasure, as);
        erases.break_off();
        long_request puts(w, "PUT", "/v2/users/5", as);
        puts.break_off();
        for (bool again : {false, true})
        {
            if (again) w.start();
            CHECK(w.is_kept(w.path(1)));
            CHECK(w.is_kept("/v2/users/5?a=1"));
        }
        CHECK(contains(w.out.text(), "it was not sent whole"));
        // Nor does it hold freshness down, as an erasure does.
        w.clock.advance(30min);
        CHECK(w.get("/v2/users/6").cache("detail") == "hit");
    }
}

TEST_CASE("an erasure whose process ends before all of it was sent is not done for the next one")
{
    kept_harness w;
    w.vendor->script(erasure_path, sim::scripted{"", sim::then::hang});
    long_request erases(w, "POST", erasure, authorization);
    w.run_for_a_while();
    w.start();
    CHECK(w.is_kept(w.path(1)));
}

TEST_CASE("a long erasure that was sent whole counts as done without an answer, also when the process ends")
{
    for (bool process_ends : {false, true})
    {
        CAPTURE(process_ends);
        kept_harness w;
        w.vendor->hold(erasure_path);
        long_request erases(w, "POST", erasure, authorization);
        std::size_t before = w.vendor->requests();
        erases.finish();
        w.clock_runs = true;  // its last piece waits for room in the window
        w.run_until([&] { return w.vendor->requests() > before; });
        w.clock_runs = false;
        CHECK(w.cache->kept().erasure().erasing_since != wall_time());  // before the vendor had all of it
        CHECK(w.is_kept(w.path(1)));
        if (process_ends)
            w.start();
        else
            w.vendor->go_down();
        w.run_until([&] { return !w.is_kept(w.path(1)); });
    }
}

TEST_CASE("a credential that the vendor never accepted drops nothing of others' while the outcome is unknown")
{
    for (bool erases : {true, false})
        for (const sim::scripted& answer :
             {sim::scripted{"", sim::then::reset}, sim::scripted{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
              sim::scripted{"HTTP/1.1 302 Found\r\nLocation: /v2/users/6\r\nContent-Length: 0\r\n\r\n"},
              sim::scripted{"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"}})
        {
            CAPTURE(erases);
            CAPTURE(answer.bytes);
            kept_harness w;
            w.vendor->script(erases ? erasure_path : "/v2/users/5", answer);
            w.send("POST", erases ? erasure : "/v2/users/5", {}, made_up);
            for (bool again : {false, true})
            {
                if (again) w.start();
                CHECK(w.is_kept(w.path(1)));
                CHECK(w.is_kept("/v2/users/5?a=1"));
                CHECK(w.is_kept("/v2/users/6"));
            }
            bool is_said = contains(w.out.text(), "Gong has not accepted its credential before");
            CHECK(is_said == (erases && !contains(answer.bytes, "401")));
        }
}

TEST_CASE("the process ends on the way of a made-up credential's erasure: the next one drops nothing")
{
    kept_harness w;
    w.vendor->hold(erasure_path);
    std::size_t before = w.vendor->requests();
    tool t(w);
    t.send(w.request("POST", erasure, {}, made_up));
    w.run_until([&] { return w.vendor->requests() > before; });
    w.start();
    CHECK(w.is_kept(w.path(1)));
}

TEST_CASE("an erasure that the vendor answers with 2xx is done, whose ever it is; from then on its credential counts")
{
    kept_harness w;
    const std::string privacy_tool = sim::basic("privacy", "x");
    w.answer_with(erasure_path, "201 Created");
    CHECK(w.send("POST", erasure, {}, privacy_tool).status == 201);
    CHECK_FALSE(w.is_kept(w.path(1)));
    CHECK(w.get(w.path(1)).status == 200);
    w.clock.advance(2s);
    w.vendor->script(erasure_path, sim::scripted{"", sim::then::reset});
    CHECK(w.send("POST", erasure, {}, privacy_tool).status == 502);
    CHECK_FALSE(w.is_kept(w.path(1)));
}

TEST_CASE("what the answer to a safe method names in Location or Content-Location stays")
{
    for (const char* method : {"GET", "HEAD", "OPTIONS"})
    {
        CAPTURE(method);
        kept_harness w;
        w.answer_with("/v2/other", "201 Created", "Location: /v2/users/6\r\nContent-Location: " + w.path(1) + "\r\n");
        w.send(method, "/v2/other");
        CHECK(w.is_kept("/v2/users/6"));
        CHECK(w.is_kept(w.path(1)));
    }
}

TEST_SUITE_END();
