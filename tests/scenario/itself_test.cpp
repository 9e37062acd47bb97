// It never asks itself: what leads back to callcache is found out, costs nothing more, and pauses nobody.

#include "server/fetch/fetcher.hpp"
#include "server/http/via.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/budget_harness.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/tls_tool.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: itself");

TEST_CASE("itself: an answer that has come through this process is no answer of Gong's, and its 429 pauses nobody")
{
    three_a_second w;
    w.start();
    for (const std::string status : {"429 Too Many Requests", "508 Loop Detected", "200 OK"})
        for (const std::string& path : {w.path(1), std::string("/v2/users")})
        {
            CAPTURE(status);
            CAPTURE(path);
            w.vendor->script(path == "/v2/users" ? path : w.id(1),
                             sim::scripted{"HTTP/1.1 " + status +
                                           "\r\nRetry-After: 60\r\nContent-Length: 2\r\nVia: 1.1 x, " + own_via() +
                                           "\r\n\r\n{}"});
            answer a = w.get(path);
            CHECK(a.status == 502);
            CHECK(contains(a.body, "the answer came from callcache itself; is upstream.url"));
            CHECK(w.cache->misses().report().spending.paused_for == 0s);
            w.clock.advance(2s);
            CHECK(w.get(w.path(2)).status == 200);  // so that the breaker stays closed
            w.clock.advance(2s);
        }
}

TEST_CASE("itself: a request that comes back is answered 508, at both addresses, and costs nothing more")
{
    three_a_second w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    for (const std::string& path : {w.path(1), w.path(2), std::string("/v2/users"), std::string("/healthz")})
    {
        answer a = w.get(path, {{"Via", "1.1 gateway"}, {"Via", own_via()}});
        CHECK(a.status == 508);
        CHECK(contains(a.body, "has come back"));
    }
    tool at_admin(w, w.cache->admin_endpoints().front());
    at_admin.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nVia: " + own_via() + "\r\n\r\n");
    CHECK(at_admin.read().status == 508);
    CHECK(w.vendor->requests() == 1);
    CHECK(w.cache->misses().report().spending.spent == 1);
}

TEST_CASE(
    "itself: where the way to Gong ends at callcache's own address nothing is sent, nothing spent, and it is said")
{
    three_a_second w;
    w.start();
    const std::string own = "127.0.0.1:" + std::to_string(w.cache->tool_endpoints().front().port());
    w.stop();
    const std::string port = own.substr(own.find(':'));
    for (const auto& [listen, asked] :
         {std::pair{own, own}, {"0.0.0.0" + port, own}, {own, "[::ffff:127.0.0.1]" + port}})
    {
        CAPTURE(listen);
        CAPTURE(asked);
        w.config.server.listen = {listen};
        w.config.upstream.url = "http://" + asked;  // which a start would refuse; a name in the hosts file it could not
        auto started = proxy::start(w.config, {w.clock, w.out, true, {}});
        REQUIRE(std::holds_alternative<std::unique_ptr<proxy>>(started));
        w.cache = std::move(std::get<std::unique_ptr<proxy>>(started));
        w.clock.advance(2s);
        for (const std::string& path : {w.path(1), std::string("/v2/users")})
        {
            answer a = w.get(path);
            CHECK(a.status == 502);
            CHECK(contains(a.body, "127.0.0.1, where callcache itself listens: it would ask itself"));
        }
        CHECK(w.cache->misses().report().spending.spent == 0);
        for (std::uint64_t n = 2; n < 5; ++n) w.get(w.path(n));
        CHECK_FALSE(w.cache->misses().report().is_up);
        w.stop();
    }
}

TEST_CASE("itself: callcache's own refusal that comes back without its Via is no answer of Gong's, and pauses nobody")
{
    three_a_second w;
    w.start();
    const std::string own =
        "{\"requestId\":\"cc-" + own_via().substr(own_via().find('-') + 1) + "00000f\",\"errors\":[]}";
    const std::string head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Type: application/json\r\n";
    const std::string sized = head + "Content-Length: " + std::to_string(own.size()) + "\r\n\r\n" + own;
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n2d\r\n" + own + "\r\n0\r\n\r\n";
    REQUIRE(own.size() == 0x2d);
    for (const std::string& script : {sized, chunked})
        for (const std::string& path : {w.path(1), std::string("/v2/users")})
        {
            CAPTURE(script);
            CAPTURE(path);
            w.vendor->script(path == "/v2/users" ? path : w.id(1), sim::scripted{script});
            answer a = w.get(path);
            CHECK(a.status == 502);
            CHECK(contains(a.body, "the answer came from callcache itself; is upstream.url"));
            CHECK(w.cache->misses().report().spending.paused_for == 0s);
            w.clock.advance(2s);
            CHECK(w.get(w.path(2)).status == 200);  // so that the breaker stays closed
            w.clock.advance(2s);
        }
}

TEST_CASE("itself: a lookup says through whom its tool's request came, so that two callcaches notice their circle")
{
    three_a_second w;
    w.start();
    CHECK(w.get(w.path(1), {{"Via", "1.1 callcache-0badcafe"}, {"via", "1.0 gateway (x)"}}).status == 200);
    CHECK(
        contains(w.vendor->heads().back(), "\r\nVia: 1.1 callcache-0badcafe, 1.0 gateway (x), " + own_via() + "\r\n"));
}

TEST_CASE("itself: a peer that shows callcache's own certificate is callcache, wherever it is, and nothing is spent")
{
    three_a_second w;
    const sim::certificate made = sim::make_certificate();
    std::ofstream(w.folder.file("tls.pem")) << made.chain;
    std::ofstream(w.folder.file("tls.key")) << made.key;
    std::ofstream(w.folder.file("ca.pem")) << made.authority;
    w.config.server.tls_certificate_file = w.folder.file("tls.pem");
    w.config.server.tls_key_file = w.folder.file("tls.key");
    w.start();
    const std::uint16_t port = w.cache->tool_endpoints().front().port();
    w.stop();
    connect_proxy through(w.loop.get_executor(), port);
    w.config.server.listen = {"127.0.0.1:" + std::to_string(port)};
    w.config.upstream.url = "https://localhost";
    w.config.upstream.ca_file = w.folder.file("ca.pem");
    w.config.upstream.proxy = through.url();
    auto started = proxy::start(w.config, {w.clock, w.out, true, {}});
    REQUIRE(std::holds_alternative<std::unique_ptr<proxy>>(started));
    w.cache = std::move(std::get<std::unique_ptr<proxy>>(started));
    w.clock.advance(2s);
    for (const std::string& path : {w.path(1), std::string("/v2/users")})
    {
        tls_tool t(w, {made.authority, {}, 0});
        REQUIRE(t.handshake());
        t.send(w.request("GET", path));
        answer a = t.read();
        CHECK(a.status == 502);
        CHECK(contains(a.body, "shows callcache's own certificate (server.tls_certificate_file): it would ask itself"));
    }
    CHECK(w.cache->misses().report().spending.spent == 0);
}

TEST_CASE("itself: an answer that a cache on the way had kept is as old as it says")
{
    three_a_second w;
    w.config.cache.calls.fresh_min = w.config.cache.calls.fresh_max = 10min;
    w.start();
    const std::string body = w.get(w.path(1)).body;
    for (auto [age, seconds] : {std::pair{"Age: 300", 300}, {"Age: x", 0}, {"Age: -5", 0}})
    {
        CAPTURE(age);
        w.vendor->script(w.id(1),
                         sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + std::string(age) +
                                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
        w.operate("POST", "/purge", R"({"all": true})");
        answer miss = w.get(w.path(1));
        CHECK(miss.cache("fwd") == "miss");
        CHECK(miss.cache("stored") == "stored");
        w.clock.advance(10s);
        answer hit = w.get(w.path(1));
        CHECK(hit.cache("hit") == "hit");
        CHECK(std::stol(miss.cache("ttl")) == std::stol(hit.cache("ttl")) + 10);
        CHECK(hit.header("age") == std::to_string(seconds + 10));
    }
}

TEST_CASE("itself: what is older than cache.calls.keep_max when it comes is handed on, and not said to be stored")
{
    three_a_second w;
    w.config.cache.calls.keep_max = 1h;
    w.config.cache.calls.fresh_min = w.config.cache.calls.fresh_max = 10min;
    w.start();
    const std::string body = w.get(w.path(1)).body;
    for (auto [age, stored] : {std::pair{"3599", "stored"}, {"3600", ""}})
    {
        CAPTURE(age);
        w.vendor->script(w.id(1),
                         sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAge: " + std::string(age) +
                                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
        w.operate("POST", "/purge", R"({"all": true})");
        w.clock.advance(2s);
        answer miss = w.get(w.path(1));
        CHECK(miss.body == body);
        CHECK(miss.cache("stored") == stored);
    }
}

TEST_SUITE_END();
