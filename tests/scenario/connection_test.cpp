// A tool's connection: keep-alive, pipelining, deadlines, and its end.

#include "server/front/listener.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: connections");

TEST_CASE("a connection carries many requests, one after the other and pipelined, answered in order")
{
    harness w;
    w.start();
    tool t(w);
    std::string all;
    for (int round = 0; round < 3; ++round)
        for (std::uint64_t n : {1, 2, 1, 3}) all += w.request("GET", w.path(n));
    t.send(all);
    for (int round = 0; round < 3; ++round)
        for (std::uint64_t n : {1, 2, 1, 3}) CHECK(w.call_of(t.read()) == w.vendor->body(w.id(n)));
    CHECK(w.vendor->requests() == 3);
    CHECK_FALSE(t.closed());
}

TEST_CASE("what is pipelined is answered in order, also where a hit stands before and behind what takes its time")
{
    harness w;
    w.start();
    for (std::uint64_t n : {1, 2}) w.get(w.path(n));
    tool t(w);
    std::string last = w.request("GET", w.path(2));
    // The last one comes in two pieces, and the second long after its beginning was read with the others.
    t.send(w.request("GET", w.path(1)) + w.request("GET", w.path(3)) + w.request("HEAD", w.path(2)) +
           w.request("GET", "/v2/calls/undefined") + last.substr(0, 20));
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(1)));
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(3)));
    CHECK(t.read(true).cache("hit") == "hit");
    CHECK(t.read().status == 400);
    w.run_for_a_while();
    t.send(last.substr(20));
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(2)));
    CHECK_FALSE(t.closed());
}

TEST_CASE("hits that are longer than what the system takes at once come whole, each to its own tool")
{
    harness w;
    w.config.cache.routes = {{"/v2/users/{id}", 1h}};
    w.start();
    const std::vector<std::string> paths{"/v2/users/a", "/v2/users/b"};
    auto body = [](std::size_t n) { return "\"" + std::string(900'000, char('a' + n)) + "\""; };
    for (std::size_t n : {0, 1})
    {
        w.vendor->script(paths[n],
                         sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                                       std::to_string(body(n).size()) + "\r\n\r\n" + body(n)});
        CHECK((w.get(paths[n]).body == body(n)));
    }
    tool one(w), two(w);
    for (int times = 0; times < 4; ++times)
    {
        one.send(w.request("GET", paths[0]));
        two.send(w.request("GET", paths[1]));
    }
    for (int times = 0; times < 4; ++times)
    {
        auto first = one.read(), second = two.read();
        CHECK(first.cache("hit") == "hit");
        CHECK(second.cache("hit") == "hit");
        CHECK((first.body == body(0)));
        CHECK((second.body == body(1)));
    }
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("at server.connections_max a newcomer takes the place of the connection that has been idle longest")
{
    harness w;
    w.config.server.connections_max = 3;
    w.start();
    w.get(w.path(1));
    w.vendor->hold(w.id(2));
    tool busy(w), used_last(w), silent(w);
    busy.send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(2)) == 1; });
    used_last.send(w.request("GET", w.path(1)));
    CHECK(used_last.read().status == 200);

    tool newcomer(w);
    newcomer.send(w.request("GET", w.path(1)));
    CHECK(newcomer.read().status == 200);
    silent.wait_closed();
    CHECK(w.cache->connections() == 3);
    tool second(w);
    second.send(w.request("GET", w.path(1)));
    CHECK(second.read().status == 200);
    used_last.wait_closed();
    CHECK_FALSE(newcomer.closed());
    w.vendor->release(w.id(2));
    CHECK(busy.read().status == 200);
    CHECK(w.out.text().find("too many") == std::string::npos);
}

TEST_CASE("the operator's connections and those of tools take no place of each other's")
{
    harness w;
    w.config.server.connections_max = 1;
    w.start();
    const tcp::endpoint admin = w.cache->admin_endpoints().front();
    tool tools_own(w);
    w.run_until([&] { return w.cache->connections() == 1; });
    std::vector<std::unique_ptr<tool>> operators;
    for (std::size_t n = 0; n < operator_connections_max; ++n) operators.push_back(std::make_unique<tool>(w, admin));
    w.run_for_a_while();
    CHECK_FALSE(tools_own.closed());
    CHECK(w.get("/v2/calls/undefined").status == 400);  // in the place of `tools_own`
    tools_own.wait_closed();
    CHECK_FALSE(operators.front()->closed());
    CHECK(w.operate("GET", "/healthz").status == 200);  // in the place of the first operator
    operators.front()->wait_closed();
}

TEST_CASE("a request that arrives byte by byte is the same request")
{
    harness w;
    w.start();
    tool t(w);
    for (char c : w.request("GET", w.path(1)))
    {
        t.send(std::string(1, c));
        w.loop.poll();
        w.cache->loop().poll();
    }
    CHECK(t.read().status == 200);
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection; keep-alive keeps an HTTP/1.0 one")
{
    harness w;
    w.start();
    tool closing(w);
    closing.send(w.request("GET", w.path(1), {{"Connection", "close"}}));
    CHECK(closing.read().header("connection") == "close");
    closing.wait_closed();

    tool old(w);
    old.send("GET " + w.path(1) + " HTTP/1.0\r\nAuthorization: " + authorization + "\r\n\r\n");
    CHECK(old.read().status == 200);
    old.wait_closed();

    tool old_and_kept(w);
    for (int i = 0; i < 2; ++i)
    {
        old_and_kept.send("GET " + w.path(1) +
                          " HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: " + authorization + "\r\n\r\n");
        answer a = old_and_kept.read();
        CHECK(a.status == 200);
        CHECK(a.header("connection") == "keep-alive");
    }
}

TEST_CASE("a body that a lookup has no use for is read over, and the next request is found behind it")
{
    harness w;
    w.start();
    tool t(w);
    t.send(w.request("GET", w.path(1), {{"Content-Length", "5"}}) + "hello" + w.request("GET", w.path(2)));
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(1)));
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(2)));
    tool chunked(w);
    chunked.send(w.request("GET", w.path(1), {{"Transfer-Encoding", "chunked"}}) + "0\r\n\r\n" +
                 w.request("GET", w.path(2)));
    CHECK(w.call_of(chunked.read()) == w.vendor->body(w.id(1)));
    CHECK(w.call_of(chunked.read()) == w.vendor->body(w.id(2)));
    // A long one would take longer than it is worth.
    tool lengthy(w);
    lengthy.send(w.request("GET", w.path(1), {{"Transfer-Encoding", "chunked"}}) + "11000\r\n" +
                 std::string(0x11000, 'x'));
    answer a = lengthy.read();
    CHECK(a.status == 200);
    CHECK(a.header("connection") == "close");
    lengthy.wait_closed();
}

TEST_CASE("a tool that expects 100 before it sends its body gets its answer at once")
{
    harness w;
    w.start();
    tool t(w);
    t.send(w.request("GET", w.path(1), {{"Expect", "100-continue"}, {"Content-Length", "5"}}));
    answer a = t.read();
    CHECK(a.status == 200);
    CHECK(a.header("connection") == "close");
    t.wait_closed();
    tool slow(w);
    slow.send(w.request("GET", w.path(1), {{"Content-Length", "5"}}));
    CHECK(slow.read().status == 200);  // and not only when the body has come
    slow.send("hello" + w.request("GET", w.path(1)));
    CHECK(slow.read().status == 200);
}

TEST_CASE("an idle connection is closed without a word after server.idle_timeout, and not before")
{
    harness w;
    w.start();
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    CHECK(t.read().status == 200);
    w.clock.advance(74s);
    w.run_for_a_while();
    CHECK_FALSE(t.closed());
    w.clock.advance(3s);
    t.wait_closed();
    CHECK(t.received() == 0);
}

TEST_CASE("a tool that hangs up in the middle of anything costs nothing but its connection")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    for (std::size_t cut : {1, 20, 60, 1000})
    {
        tool t(w);
        t.send(w.request("GET", w.path(1)).substr(0, cut));
        w.run_for_a_while();
        t.hang_up();
        w.run_for_a_while();
    }
    w.vendor->release(w.id(1));
    w.run_until([&] { return w.cache->connections() == 0; });
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("a tool that has sent its request and closed its sending side gets its answer")
{
    harness w;
    w.start();
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_for_a_while();
    t.finish_sending();
    CHECK(t.read().status == 200);
    t.wait_closed();
}

TEST_CASE("while it drains a request that was on its way is answered, as the last of its connection")
{
    harness w;
    w.start();
    tool busy(w), fresh(w), two(w);
    busy.send(w.request("GET", w.path(1)));
    CHECK(busy.read().status == 200);
    w.cache->drain();
    w.run_for_a_while();
    busy.send(w.request("GET", w.path(1)));
    answer a = busy.read();
    CHECK(a.status == 200);
    CHECK(a.header("connection") == "close");
    busy.wait_closed();
    fresh.send(w.request("GET", w.path(1)));
    CHECK(fresh.read().status == 200);
    fresh.wait_closed();
    w.clock_runs = true;
    two.wait_closed();
    CHECK(two.received() == 0);
    w.run_until([&] { return w.cache->is_drained(); });
}

TEST_CASE("an idle connection ends a moment after callcache began to drain, and nothing new is accepted")
{
    harness w;
    w.start();
    tool idle(w);
    auto where = w.cache->tool_endpoints().front();
    auto admin = w.cache->admin_endpoints().front();
    w.cache->drain();
    w.clock_runs = true;
    idle.wait_closed();
    w.run_until([&] { return w.cache->is_drained(); });
    tool late(w, where);
    late.wait_closed();
    CHECK(late.received() == 0);
    tool probe(w, admin);
    probe.send("GET /readyz HTTP/1.1\r\nHost: 10.0.0.7:4665\r\n\r\n");
    CHECK(probe.read().status == 503);
    probe.send("GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:4665\r\n\r\n");
    CHECK(probe.read().status == 200);
}

TEST_CASE("the admin address: a page says how it is asked, and where there is none the answer names those that are")
{
    harness w;
    w.start();
    tool t(w, w.cache->admin_endpoints().front());
    auto ask = [&](const std::string& line) {
        t.send(line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        return t.read();
    };
    auto read = ask("DELETE /stats"), done = ask("GET /resume"), none = ask("GET /statistics");
    CHECK(read.status == 405);
    CHECK(read.header("allow") == "GET, HEAD");
    CHECK(done.status == 405);
    CHECK(done.header("allow") == "POST");
    CHECK(none.status == 404);
    for (const char* page : {"GET /healthz", "GET /readyz", "GET /stats", "POST /resume"})
        CHECK(none.body.find(page) != std::string::npos);
    CHECK(ask("GET /stats?x=1").status == 200);
}

TEST_CASE("the admin address: healthz and readyz under any name, what is not there, and nothing under another's name")
{
    harness w;
    w.start();
    tool t(w, w.cache->admin_endpoints().front());
    auto ask = [&](const std::string& line, const std::string& host = "x") {
        t.send(line + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        return t.read(line.starts_with("HEAD")).status;
    };
    CHECK(ask("GET /readyz") == 200);
    CHECK(ask("HEAD /healthz") == 200);
    CHECK(ask("POST /readyz") == 405);
    CHECK(ask("GET /v2/calls/1", "localhost") == 404);
    CHECK(ask("GET /v2/calls/1") == 421);
    CHECK(w.vendor->requests() == 0);
}

TEST_SUITE_END();
