// cache.routes: further paths, kept, collapsed, stale and counted like calls.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct routes_harness : harness
{
    routes_harness()
    {
        config.cache.routes = {{"/v2/users/{id}", 1h}, {"/v2/library/**", 1h, true}};
        start();
        for (const char* path : {"/v2/users/5", "/v2/library/x"})
            script(path, "Content-Type: application/json\r\n", "{}");
    }
    void script(const std::string& path, const std::string& fields, const std::string& body = "{}",
                const std::string& status = "200 OK")
    {
        vendor->script(path, sim::scripted{"HTTP/1.1 " + status + "\r\n" + fields +
                                           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: kept routes");

TEST_CASE("a kept route: miss, hit with the vendor's bytes, stale and refreshed, and a hit after a restart")
{
    routes_harness w;
    auto first = w.get("/v2/users/5?a=1");
    CHECK(first.status == 200);
    CHECK(first.cache("fwd") == "miss");
    CHECK(first.cache("stored") == "stored");
    auto second = w.get("/@etl/v2/users/5?a=1");
    CHECK(second.cache("hit") == "hit");
    CHECK(second.body == first.body);
    CHECK(second.header("content-type") == first.header("content-type"));
    CHECK_FALSE(second.has("set-cookie"));
    CHECK(w.get("/v2/users/5?a=1", {{"If-None-Match", second.header("etag")}}).status == 304);
    CHECK(w.vendor->requests() == 1);
    CHECK(w.send("HEAD", "/v2/users/5?a=1").cache("hit") == "hit");
    w.clock.advance(70min);
    CHECK(w.get("/v2/users/5?a=1").cache("detail") == "stale");
    w.run_until([&] { return w.vendor->requests() == 2; });
    w.run_for_a_while();
    w.start();
    CHECK(w.get("/v2/users/5?a=1").cache("hit") == "hit");
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("a kept route is asked with callcache's own fields")
{
    routes_harness w;
    w.get("/v2/users/5?a=1", {{"Cookie", "a=b"}, {"Accept-Encoding", "gzip"}, {"Range", "bytes=0-1"}});
    REQUIRE(w.vendor->heads().size() == 1);
    CHECK(w.vendor->heads()[0].starts_with("GET /v2/users/5?a=1 HTTP/1.1\r\nHost: "));
    for (const char* gone : {"Cookie", "gzip", "Range"}) CHECK_FALSE(contains(w.vendor->heads()[0], gone));
}

TEST_CASE("the query is part of what is kept, and what no route names is not kept")
{
    routes_harness w;
    w.get("/v2/users/5?a=1");
    CHECK(w.get("/v2/users/5?a=2").cache("fwd") == "miss");
    CHECK(w.get("/v2/users/5").cache("fwd") == "miss");
    w.clock.advance(2s);
    CHECK(w.get("/v2/users").cache("detail") == "pass");
    CHECK(w.get("/v2/users").cache("detail") == "pass");
    CHECK(w.vendor->requests() == 5);
}

TEST_CASE("who asks for something else than JSON, or brings a body, gets an answer of their own")
{
    routes_harness w;
    w.get("/v2/users/5");
    CHECK(w.get("/v2/users/5", {{"Accept", "text/csv"}}).cache("detail") == "pass");
    CHECK(w.get("/v2/users/5", {{"Accept", "text/csv, */*;q=0.1"}}).cache("hit") == "hit");
    CHECK(w.raw("GET /v2/users/5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
                "\r\nContent-Length: 2\r\n\r\n{}")
              .cache("detail") == "pass");
}

TEST_CASE("two that ask for the same at once are one request upstream")
{
    routes_harness w;
    w.vendor->hold("/v2/users/5");
    tool one(w), two(w);
    one.send(w.request("GET", "/v2/users/5"));
    two.send(w.request("GET", "/v2/users/5"));
    w.run_until([&] { return w.cache->misses().waiting("/v2/users/5") == 2; });
    w.vendor->release("/v2/users/5");
    CHECK(one.read().body == two.read().body);
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("the vendor's no-store, private and Set-Cookie win, and who waited for the same gets an answer of their own")
{
    for (const char* fields : {"Cache-Control: no-store\r\n", "Cache-Control: private\r\n", "Set-Cookie: a=b\r\n"})
    {
        CAPTURE(fields);
        routes_harness w;
        w.script("/v2/users/5", fields);
        w.vendor->hold("/v2/users/5");
        tool one(w), two(w);
        one.send(w.request("GET", "/v2/users/5"));
        two.send(w.request("GET", "/v2/users/5"));
        w.run_until([&] { return w.cache->misses().waiting("/v2/users/5") == 2; });
        w.vendor->release("/v2/users/5");
        for (tool* t : {&one, &two})
        {
            answer a = t->read();
            CHECK(a.status == 200);
            CHECK(a.body == "{}");
            CHECK(a.cache("detail") == "pass");
            CHECK(a.cache("stored") == "");
        }
        CHECK(w.vendor->requests() == 2);
        CHECK(w.get("/v2/users/5").cache("detail") == "pass");  // and nobody waits for another from now on
        CHECK(w.vendor->requests() == 3);
        const std::string said = w.out.text(), line = "a route keeps nothing, as Gong's answer says";
        CHECK(contains(said, "route=/v2/users/{id}"));
        CHECK(said.find(line) == said.rfind(line));
        w.clock.advance(1h);
        w.script("/v2/users/5", "");
        CHECK(w.get("/v2/users/5").cache("stored") == "stored");
        CHECK(w.get("/v2/users/5").cache("hit") == "hit");
    }
}

TEST_CASE("a route that overrides is kept whatever the vendor says, but never with its cookie")
{
    routes_harness w;
    w.script("/v2/library/a/b", "Cache-Control: no-store\r\nSet-Cookie: a=b\r\n");
    CHECK(w.get("/v2/library/a/b").header("set-cookie") == "a=b");
    answer a = w.get("/v2/library/a/b");
    CHECK(a.cache("hit") == "hit");
    CHECK_FALSE(a.has("set-cookie"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("an answer too large to be kept passes through, for everybody who waits for it, and from then on")
{
    routes_harness w;
    std::string large((1 << 20) + 1, 'x');
    w.script("/v2/users/5", "", large);
    CHECK(w.get("/v2/users/5").body == large);
    CHECK(w.vendor->requests() == 2);
    CHECK(w.get("/v2/users/5").body == large);
    CHECK(w.vendor->requests() == 3);
    CHECK(w.get("/v2/users/5", {{"Cache-Control", "only-if-cached"}}).status == 504);
}

TEST_CASE("a 404 is remembered briefly, a 403 drops the entry, a 401 says nothing about calls")
{
    routes_harness w;
    std::string missing = R"({"requestId":"r","errors":["none"]})";
    w.script("/v2/users/1", "Content-Type: application/json\r\n", missing, "404 Not Found");
    CHECK(w.get("/v2/users/1").status == 404);
    CHECK(w.get("/v2/users/1").cache("detail") == "negative");
    CHECK(w.vendor->requests() == 1);

    w.script("/v2/users/2", "");
    w.get("/v2/users/2");
    w.clock.advance(150min);
    w.script("/v2/users/2", "", "", "403 Forbidden");
    CHECK(w.get("/v2/users/2").status == 403);
    CHECK(w.get("/v2/users/2", {{"Cache-Control", "only-if-cached"}}).status == 504);

    w.get(w.path(1));
    w.script("/v2/users/3", "", "", "401 Unauthorized");
    CHECK(w.get("/v2/users/3").status == 401);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("that a credential may read one route says nothing about calls or another route")
{
    routes_harness w;
    w.get(w.path(1));
    w.get("/v2/library/x");
    w.clock.advance(61min);  // its trust has to be renewed, for each
    w.get("/v2/users/5");
    w.vendor->withdraw(authorization);
    w.script("/v2/library/x", "", "", "401 Unauthorized");
    CHECK(w.get("/v2/users/5").cache("hit") == "hit");
    w.clock.advance(61min);
    CHECK(w.get(w.path(1)).status == 401);
    CHECK(w.get("/v2/library/x").status == 401);
}

TEST_CASE("two credentials never see each other's answers of a kept route")
{
    routes_harness w;
    w.get("/v2/users/5");
    CHECK(w.get("/v2/users/5", {}, other_authorization).cache("fwd") == "miss");
    CHECK(w.get("/v2/users/5", {{"Cache-Control", "only-if-cached"}}, "Bearer x").status == 504);
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("one connection with another credential is another caller, for a kept route too")
{
    routes_harness w;
    tool t(w);
    auto ask = [&](const std::string& as) {
        t.send(w.request("GET", "/v2/users/5", {}, as));
        return t.read();
    };
    CHECK(ask(authorization).cache("fwd") == "miss");
    CHECK(ask(other_authorization).cache("fwd") == "miss");
    CHECK(ask(authorization).cache("hit") == "hit");
    CHECK(ask(other_authorization).cache("hit") == "hit");
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("an outage: a kept route is served stale; one endpoint that answers 500 is no outage")
{
    routes_harness w;
    w.get("/v2/users/5");
    w.clock.advance(4h);
    w.script("/v2/users/5", "", "", "500 Internal Server Error");
    for (int i = 0; i < 8; ++i)
    {
        CHECK(w.get("/v2/users/5").cache("detail") == "error");
        w.clock.advance(1s);
    }
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("a target with a query is logged without it")
{
    routes_harness w;
    w.get("/v2/users/5?token=secret");
    CHECK(contains(w.out.text(), "/v2/users/5"));
    CHECK_FALSE(contains(w.out.text(), "secret"));
}

TEST_SUITE_END();
