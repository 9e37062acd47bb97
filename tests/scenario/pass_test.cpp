// What is not a lookup goes upstream as it is, in its turn, and is not kept.

#include "server/http/body_decoder.hpp"
#include "server/http/head_guard.hpp"
#include "server/http/via.hpp"
#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

// A request with a body, as a tool writes it.
std::string with_body(const std::string& method, const std::string& target, const std::string& fields,
                      const std::string& body)
{
    return method + " " + target + " HTTP/1.1\r\nHost: localhost:4664\r\nAuthorization: " + authorization + "\r\n" +
           fields + "\r\n" + body;
}

std::string scripted_answer(const std::string& head, const std::string& body)
{
    return "HTTP/1.1 " + head + "\r\n\r\n" + body;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: passing through");

TEST_CASE("pass: method, path, query, fields and body reach the vendor as they came, and the answer the tool")
{
    harness w;
    w.start();
    auto a = w.raw(with_body("POST", "/v2/stats/interaction?x=1&y=%20",
                             "X-One: 1\r\nCookie: a=b\r\nX-One: 2\r\nContent-Length: 5\r\n", "hello"));
    CHECK(a.status == 200);
    CHECK(contains(a.body, "\"operation\":\"POST /v2/stats/interaction?x=1&y=%20\",\"size\":5"));
    CHECK(a.cache("fwd") == "method");
    CHECK(a.cache("fwd-status") == "200");
    CHECK(a.cache("detail") == "pass");
    CHECK(a.header("set-cookie") != "");
    CHECK(a.header("via") == own_via());
    REQUIRE(w.vendor->heads().size() == 1);
    CHECK(w.vendor->heads()[0] ==
          "POST /v2/stats/interaction?x=1&y=%20 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(w.vendor->port()) +
              "\r\nAuthorization: " + authorization + "\r\nX-One: 1\r\nCookie: a=b\r\nX-One: 2\r\nVia: " + own_via() +
              "\r\nContent-Length: 5\r\n\r\n");
    CHECK(w.vendor->bodies()[0] == "hello");
}

TEST_CASE("pass: nothing is kept, and every request spends one call of the day")
{
    harness w;
    w.start();
    for (int i = 1; i <= 3; ++i)
    {
        CHECK(w.get("/v2/users?cursor=1").status == 200);
        CHECK(w.vendor->requests() == std::size_t(i));
        CHECK(w.cache->misses().report().spending.spent == std::size_t(i));
        w.clock.advance(2s);
    }
}

TEST_CASE("pass: fields of one connection are not handed on, in neither direction")
{
    harness w;
    w.start();
    w.vendor->script("/v2/users", sim::scripted{scripted_answer(
                                      "200 Fine\r\nConnection: X-Secret, keep-alive\r\nX-Secret: 1\r\n"
                                      "Keep-Alive: timeout=5\r\nWarning: a\r\nWarning: b\r\nContent-Length: 2",
                                      "ok")});
    auto a = w.get("/v2/users", {{"Connection", "X-Mine"},
                                 {"X-Mine", "1"},
                                 {"TE", "trailers"},
                                 {"Upgrade", "h2c"},
                                 {"Proxy-Authorization", "Basic eA=="}});
    CHECK(contains(a.raw, "HTTP/1.1 200 Fine\r\n"));
    CHECK_FALSE(a.has("x-secret"));
    CHECK_FALSE(a.has("keep-alive"));
    CHECK(contains(a.raw, "Warning: a\r\nWarning: b\r\n"));
    for (const char* gone : {"X-Mine", "TE:", "Upgrade", "Proxy-Auth", "Connection"})
        CHECK_FALSE(contains(w.vendor->heads()[0], gone));
}

TEST_CASE("pass: a chunked body is taken apart and put together again with one framing; trailers survive")
{
    harness w;
    w.start();
    auto a = w.raw(with_body("POST", "/v2/calls/extensive", "Transfer-Encoding: chunked\r\n",
                             "3\r\n{\"f\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n"));
    CHECK(a.status == 400);  // the vendor's: it is no filter
    CHECK(contains(w.vendor->heads()[0], "\r\nContent-Length: 7\r\n"));
    CHECK_FALSE(contains(w.vendor->heads()[0], "Transfer-Encoding"));
    CHECK(w.vendor->bodies()[0] == "{\"f\":1}");
    w.clock.advance(2s);
    a = w.raw(with_body("POST", "/v2/tasks", "Transfer-Encoding: chunked\r\n",
                        "3\r\nabc\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n"));
    CHECK(contains(a.body, "\"size\":3"));
    CHECK(contains(w.vendor->heads()[1], "\r\nTransfer-Encoding: chunked\r\n"));
    CHECK_FALSE(contains(w.vendor->heads()[1], "Content-Length"));
}

TEST_CASE("pass: a trailer that would set a cookie, a credential or a host is handed on in neither direction")
{
    harness w;
    w.start();
    const std::string trailers = "Set-Cookie: a=b\r\nX-Sum: 7\r\nAuthorization: Basic eA==\r\nHost: evil\r\n"
                                 "Proxy-Authorization: Basic eA==\r\nCookie: a=b\r\n";
    w.raw(with_body("POST", "/v2/tasks", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n" + trailers + "\r\n"));
    REQUIRE(w.vendor->requests() == 1);
    CHECK(w.vendor->framed_bodies()[0] == "3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
    w.clock.advance(2s);
    // The same of a body that streams.
    std::string body;
    write_chunk(body, std::string(100'000, 'x'));
    w.clock_runs = true;
    w.raw(with_body("POST", "/v2/tasks", "Transfer-Encoding: chunked\r\n", body + "0\r\n" + trailers + "\r\n"));
    REQUIRE(w.vendor->requests() == 2);
    CHECK(w.vendor->framed_bodies()[1].ends_with("x\r\n0\r\nX-Sum: 7\r\n\r\n"));

    w.vendor->script("/v2/users", sim::scripted{scripted_answer("200 OK\r\nTransfer-Encoding: chunked",
                                                                "2\r\nok\r\n0\r\n" + trailers + "\r\n")});
    tool t(w);
    t.send(w.request("GET", "/v2/users"));
    w.run_until([&] { return t.has_answer(); });
    std::string raw = t.take();
    CHECK(raw.ends_with("\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"));
}

TEST_CASE("pass: an answer has one Date, the vendor's or else callcache's")
{
    harness w;
    w.start();
    const std::string then = "Tue, 24 Nov 2026 07:00:00 GMT";
    for (const std::string& dated : {std::string(), "\r\nDATE: " + then})
    {
        w.vendor->script("/v2/users", sim::scripted{scripted_answer("200 OK\r\nContent-Length: 0" + dated, "")});
        answer a = w.get("/v2/users");
        CHECK(a.header("date") == (dated.empty() ? http_date(w.clock.wall()) : then));
        CHECK(std::count_if(a.fields.begin(), a.fields.end(),
                            [](const field& f) { return equals_lower(f.first, "date"); }) == 1);
        w.clock.advance(2s);
    }
}

TEST_CASE("pass: an HTTP/1.0 tool that keeps its connection is told so, and its next request is answered on it")
{
    harness w;
    w.start();
    tool old(w);
    for (int twice = 0; twice < 2; ++twice)
    {
        old.send("GET /v2/users HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: " + authorization + "\r\n\r\n");
        answer a = old.read();
        CHECK(a.status == 200);
        CHECK(a.header("connection") == "keep-alive");
        CHECK(contains(w.vendor->heads().back(), "\r\nVia: 1.0 " + own_via().substr(4) + "\r\n"));
        w.clock.advance(2s);
    }
}

TEST_CASE("pass: a connection that carried a GET with a body carries nothing else, as the vendor may not have read it")
{
    harness w;
    w.start();
    for (const char* body : {"{}", ""})
    {
        std::size_t before = w.vendor->connections();
        w.raw(with_body("GET", "/v2/users", "Content-Length: " + std::to_string(std::string(body).size()) + "\r\n",
                        body));
        w.clock.advance(2s);
        w.get("/v2/users");
        w.clock.advance(2s);
        CHECK(w.vendor->connections() - before == (*body ? 2u : 0u));
    }
}

TEST_CASE("pass: a malformed body is refused, and nothing of it reaches the vendor")
{
    harness w;
    w.start();
    for (const char* body :
         {"x\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-1\r\n", "0\r\nbad trailer\r\n\r\n"})
    {
        tool t(w);
        t.send(with_body("POST", "/v2/tasks", "Transfer-Encoding: chunked\r\n", body));
        CHECK(t.read().status == 400);
        t.wait_closed();
    }
    CHECK(w.vendor->connections() == 0);
    CHECK(w.cache->misses().report().spending.spent == 0);
}

TEST_CASE("pass: a GET may have a body, HEAD has none in its answer, an unknown method is handed on")
{
    harness w;
    w.start();
    auto a = w.raw(with_body("GET", "/v2/crm/entities", "Content-Length: 2\r\n", "{}"));
    CHECK(contains(a.body, "\"size\":2"));
    CHECK(a.cache("fwd") == "bypass");
    w.clock.advance(2s);
    a = w.send("HEAD", "/v2/users");
    CHECK(a.status == 200);
    CHECK(a.header("content-length") != "");
    CHECK(a.body == "");
    w.clock.advance(2s);
    a = w.send("REPORT", "/v2/users");
    CHECK(contains(a.body, "REPORT /v2/users"));
    CHECK(w.send("TRACE", "/v2/users").status == 405);
    CHECK(w.send("TRACE", "/v2/users").header("allow") != "");
    CHECK(w.vendor->requests() == 3);
}

TEST_CASE("pass: the connection goes on after an answer, also with pipelined requests of both kinds")
{
    harness w;
    w.start();
    tool t(w);
    t.send(with_body("POST", "/v2/tasks", "Content-Length: 1\r\n", "a") + w.request("GET", w.path(1)) +
           with_body("PUT", "/v2/tasks", "Transfer-Encoding: chunked\r\n", "1\r\nb\r\n0\r\n\r\n") +
           w.request("GET", w.path(1)));
    CHECK(contains(t.read().body, "POST /v2/tasks"));
    CHECK(t.read().status == 200);
    w.clock.advance(2s);
    CHECK(contains(t.read().body, "PUT /v2/tasks"));
    CHECK(t.read().cache("hit") == "hit");
}

TEST_CASE("pass: an answer in chunks, or that ends with the connection, reaches tools of both versions whole")
{
    harness w;
    w.start();
    for (std::string script :
         {scripted_answer("200 OK\r\nTransfer-Encoding: chunked", "3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"),
          scripted_answer("200 OK", "abcde")})
    {
        w.vendor->script("/v2/users", sim::scripted{script, sim::then::close});
        auto a = w.get("/v2/users");
        CHECK(a.body == "abcde");
        CHECK(a.header("transfer-encoding") == "chunked");
        CHECK(a.header("x-sum") == (contains(script, "X-Sum") ? "1" : ""));
        w.clock.advance(2s);
        tool old(w);
        old.send("GET /v2/users HTTP/1.0\r\nAuthorization: " + authorization + "\r\n\r\n");
        old.wait_closed();
        a = old.read();
        CHECK(a.raw.ends_with("\r\n\r\nabcde"));
        CHECK_FALSE(a.has("transfer-encoding"));
        w.clock.advance(2s);
    }
}

TEST_CASE("pass: an answer that breaks off is not taken for a whole one")
{
    harness w;
    w.start();
    for (const char* head :
         {"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "200 OK\r\nContent-Length: 9\r\n\r\nabc",
          "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"})
    {
        w.vendor->script("/v2/users", sim::scripted{std::string("HTTP/1.1 ") + head, sim::then::close});
        tool t(w);
        t.send(w.request("GET", "/v2/users"));
        t.wait_closed();
        CHECK_FALSE(t.has_answer());
        w.clock.advance(2s);
        tool old(w);
        old.send("GET /v2/users HTTP/1.0\r\nAuthorization: " + authorization + "\r\n\r\n");
        old.wait_closed();
        CHECK(old.was_reset());  // without a length and chunks its end is all that says that it is whole
        w.clock.advance(2s);
    }
    w.vendor->script("/v2/users", std::nullopt);
    CHECK(w.get("/v2/users").status == 200);
}

TEST_CASE("pass: a redirect is handed on and not followed, and a vendor's error is the tool's")
{
    harness w;
    w.start();
    w.vendor->script("/v2/users",
                     sim::scripted{scripted_answer("302 Found\r\nLocation: /v2/elsewhere\r\nContent-Length: 0", "")});
    auto a = w.get("/v2/users");
    CHECK(a.status == 302);
    CHECK(a.header("location") == "/v2/elsewhere");
    CHECK(w.vendor->requests() == 1);
    w.clock.advance(2s);
    w.vendor->script("/v2/users", sim::scripted{scripted_answer("500 Oops\r\nContent-Length: 3", "sad")});
    a = w.get("/v2/users");
    CHECK(a.status == 500);
    CHECK(a.body == "sad");
}

TEST_CASE("a redirect to the company's own host: a lookup is 502 and names it, what is forwarded is handed on")
{
    harness w;
    w.start();
    const std::string own = "https://us-12345.api.gong.io";
    w.vendor->script("", sim::scripted{scripted_answer(
                             "307 Temporary Redirect\r\nLocation: " + own + "/v2/elsewhere\r\nContent-Length: 0", "")});
    for (int twice = 0; twice < 2; ++twice)
    {
        auto looked_up = w.get(w.path(1));
        CHECK(looked_up.status == 502);
        CHECK(looked_up.body.find("it redirects to " + own) != std::string::npos);
        CHECK(looked_up.body.find("--upstream " + own) != std::string::npos);
        auto forwarded = w.get("/v2/users");
        CHECK(forwarded.status == 307);
        CHECK(forwarded.header("location") == own + "/v2/elsewhere");
    }
    const std::string said = w.out.text(), line = "Gong redirects to another host";
    REQUIRE(said.find(line) != std::string::npos);
    CHECK(said.find(line, said.find(line) + 1) == std::string::npos);
    CHECK(said.find("Gong is down") == std::string::npos);
}

TEST_CASE("403s again and again, and 200 to nothing: the log says once that a company may have a host of its own")
{
    for (bool is_forwarded : {false, true})
    {
        CAPTURE(is_forwarded);
        harness w;
        w.start();
        w.vendor->script("", sim::scripted{scripted_answer("403 Forbidden\r\nContent-Type: application/json\r\n"
                                                           "Content-Length: 35",
                                                           R"({"requestId":"r","errors":["no!!"]})")});
        const std::string line = "Gong answered 403 again and again";
        auto ask = [&](std::uint64_t n) {
            CHECK(w.get(is_forwarded ? "/v2/users/" + std::to_string(n) : w.path(n)).status == 403);
        };
        for (std::uint64_t n : {1, 2}) ask(n);
        CHECK(w.out.text().find(line) == std::string::npos);
        for (std::uint64_t n : {3, 4, 5}) ask(n);
        const std::string said = w.out.text();
        REQUIRE(said.find(line) != std::string::npos);
        CHECK(said.find("--upstream") != std::string::npos);
        CHECK(said.find(line, said.find(line) + 1) == std::string::npos);
    }
}

TEST_CASE("pass: a write is never repeated, whatever happens to its answer")
{
    harness w;
    w.start();
    for (auto end : {sim::then::close, sim::then::reset})
    {
        std::size_t before = w.vendor->requests();
        w.vendor->script("/v2/calls", sim::scripted{"", end});
        auto a = w.raw(with_body("POST", "/v2/calls", "Content-Length: 2\r\n", "{}"));
        CHECK(a.status == 502);
        CHECK(w.vendor->requests() == before + 1);
        w.clock.advance(2s);
    }
}

TEST_CASE("pass: what reads goes on a connection that has carried a request, what writes on one of its own")
{
    harness w;
    w.start();
    auto ask = [&](const std::string& method, const std::string& target) {
        auto a = w.send(method, target, {{"Content-Length", "0"}});
        w.clock.advance(2s);
        return a.status;
    };
    CHECK(ask("GET", "/v2/users") == 200);
    CHECK(ask("GET", "/v2/library/folders") == 200);
    CHECK(w.vendor->connections() == 1);
    CHECK(ask("POST", "/v2/tasks") == 200);
    CHECK(w.vendor->connections() == 2);
    // It may have been the one or the other; a HEAD ends it, as a server may send a body all the same.
    CHECK(ask("HEAD", "/v2/users") == 200);
    CHECK(w.vendor->connections() == 2);
    // Lookups have connections of the fetcher's own.
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.vendor->connections() <= 3);
    w.vendor->close_idle();
    w.run_for_a_while();
    w.clock.advance(2s);
    CHECK(ask("GET", "/v2/users") == 200);
    CHECK_FALSE(contains(w.out.text(), "a request failed"));
}

TEST_CASE("pass: a connection that the vendor closes as it is used again says nothing; what reads is sent once more")
{
    harness w;
    w.start();
    CHECK(w.get("/v2/users").status == 200);
    w.clock.advance(2s);
    w.vendor->script("/v2/users", sim::scripted{"", sim::then::close});
    CHECK(w.get("/v2/users").status == 502);
    CHECK(w.vendor->requests() == 3);
    CHECK(w.vendor->connections() == 2);
    CHECK(w.cache->misses().report().spending.spent == 3);
    // One that was made for it and ends without an answer is another matter: it is not sent twice.
    w.clock.advance(2s);
    CHECK(w.get("/v2/users").status == 502);
    CHECK(w.vendor->requests() == 4);
}

TEST_CASE("pass: what stands behind an answer ends its connection, and reaches nobody")
{
    harness w;
    w.start();
    w.vendor->script("/v2/users", sim::scripted{scripted_answer("200 OK\r\nContent-Length: 2", "ok") +
                                                scripted_answer("200 OK\r\nContent-Length: 4", "evil")});
    CHECK(w.get("/v2/users").body == "ok");
    w.vendor->script("/v2/users", std::nullopt);
    w.clock.advance(2s);
    CHECK_FALSE(contains(w.get("/v2/users").raw, "evil"));
    CHECK(w.vendor->connections() == 2);
    w.vendor->volunteer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    w.run_for_a_while();
    w.clock.advance(2s);
    CHECK_FALSE(contains(w.get("/v2/users").raw, "evil"));
    CHECK(w.vendor->connections() == 3);
}

TEST_CASE("pass: after the vendor's 429 a write with a short body waits for its turn again")
{
    three_a_second w;
    w.start();
    w.vendor->script("/v2/calls", sim::scripted{limited("3")});
    tool t(w);
    t.send(with_body("POST", "/v2/calls", "Content-Length: 2\r\n", "{}"));
    w.run_until([&] { return w.vendor->requests() == 1; });
    w.settle();
    CHECK_FALSE(t.has_answer());
    w.vendor->script("/v2/calls", std::nullopt);
    w.clock_runs = true;
    auto a = t.read();
    CHECK(a.status == 200);
    CHECK(contains(a.body, "\"size\":2"));
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("pass: bodies that do not come take all the room for held ones; a further one streams, and gets its 429")
{
    three_a_second w;
    w.config.cache.memory_max = 1 << 20;  // an eighth of it is for bodies that are held
    w.start();
    w.vendor->script("/v2/calls", sim::scripted{limited("3")});
    tool sized(w), chunked(w);
    sized.send(with_body("POST", "/v2/calls", "Content-Length: 65536\r\n", "x"));
    chunked.send(with_body("POST", "/v2/calls", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n"));
    w.settle();
    tool further(w);
    further.send(with_body("POST", "/v2/calls", "Content-Length: 2\r\n", "{}"));
    CHECK(further.read().status == 429);
    for (tool* t : {&sized, &chunked}) t->hang_up();
    w.run_until([&] { return w.cache->connections() == 1; });
    w.vendor->script("/v2/calls", std::nullopt);
    w.clock_runs = true;
    tool many(w);
    for (int n = 0; n < 5; ++n)  // what was held is given back
    {
        many.send(with_body("POST", "/v2/calls", "Content-Length: 60000\r\n", std::string(60'000, 'x')));
        CHECK(many.read().status == 200);
    }
    w.vendor->script("/v2/calls", sim::scripted{limited("3")});
    w.clock_runs = false;
    const std::size_t sent = w.vendor->requests();
    many.send(with_body("POST", "/v2/calls", "Content-Length: 2\r\n", "{}"));
    w.run_until([&] { return w.vendor->requests() == sent + 1; });
    w.settle();
    CHECK_FALSE(many.has_answer());
}

TEST_CASE("pass: who hangs up during the pause after a 429 is not asked for again")
{
    three_a_second w;
    w.start();
    w.vendor->script("/v2/calls", sim::scripted{limited("20")});
    tool t(w);
    t.send(with_body("POST", "/v2/calls", "Content-Length: 2\r\n", "{}"));
    w.run_until([&] { return w.vendor->requests() == 1; });
    w.settle();
    t.hang_up();
    for (int second = 0; second < 30; ++second)
    {
        w.clock.advance(1s);
        w.settle();
    }
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("pass: the queue is one for lookups and everything else; who cannot wait is told so")
{
    three_a_second w;
    w.start();
    auto all = w.queue_up(30);
    auto a = w.get("/v2/users", {{"Prefer", "wait=1"}});
    CHECK(a.status == 429);
    CHECK(a.header("retry-after") != "");
    CHECK(a.cache("detail") == "limited");
    auto b = w.asks("/@other/v2/users");
    std::vector<std::unique_ptr<tool>> one;
    one.push_back(std::move(b));
    CHECK(w.answered(one) <= 1500ms);
    CHECK(one[0]->read().status == 200);
}

TEST_CASE("pass: without a credential nothing is sent, and neither with one that this path just refused")
{
    harness w;
    w.start();
    CHECK(w.get("/v2/users", {}, "").status == 401);
    CHECK(w.vendor->requests() == 0);
    const std::string wrong = sim::basic("no", "body");
    CHECK(w.get("/v2/users", {}, wrong).status == 401);
    CHECK(w.vendor->requests() == 1);
    CHECK(w.get("/v2/users?again", {}, wrong).header("retry-after") != "");
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("pass: a tool that waits for 100 (Continue) is told so when its body is wanted")
{
    harness w;
    w.start();
    tool t(w);
    t.send(with_body("PUT", "/v2/calls/1/media", "Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
    w.run_until([&] { return t.received() > 0; });
    t.send("hello");
    auto a = t.read();
    CHECK(a.status == 100);
    a = t.read();
    CHECK(contains(a.body, "\"size\":5"));
    CHECK_FALSE(contains(w.vendor->heads()[0], "Expect"));
    CHECK(w.send("PUT", "/v2/calls/1/media", {{"Expect", "miracles"}}).status == 417);
}

TEST_CASE("pass: a long body streams, in both framings, and takes one call of the day")
{
    for (bool chunked : {false, true})
    {
        harness w;
        w.clock_runs = true;
        w.start();
        const std::string block(50'000, 'x');
        tool t(w);
        t.send(with_body("PUT", "/v2/calls/1/media",
                         chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 1000000\r\n", ""));
        std::string body;
        for (int i = 0; i < 20; ++i)
            if (chunked)
                write_chunk(body, block);
            else
                body += block;
        if (chunked) write_last_chunk(body, {});
        t.send(body);
        auto a = t.read();
        CHECK(a.status == 200);
        CHECK(contains(a.body, "\"size\":1000000"));
        CHECK(w.cache->misses().report().spending.spent == 1);
        t.send(w.request("GET", w.path(1)));
        CHECK(t.read().status == 200);
    }
}

TEST_CASE("pass: long bodies arrive whole where as many are on their way as the window allows")
{
    for (std::uint64_t burst : {1, 3})
    {
        CAPTURE(burst);
        three_a_second w;
        w.config.budget.rate = double(burst);
        w.config.budget.burst = burst;
        w.start();
        w.clock.advance(5s);
        const std::string upload =
            with_body("PUT", "/v2/calls/1/media", "Content-Length: 100000\r\n", std::string(100'000, 'x'));
        std::vector<std::unique_ptr<tool>> all;
        for (std::uint64_t n = 0; n < burst; ++n)
        {
            all.push_back(std::make_unique<tool>(w));
            all.back()->send(upload);
        }
        CHECK(w.answered(all) <= 100ms);
        for (auto& t : all) CHECK(contains(t->read().body, "\"size\":100000"));
        CHECK(w.cache->misses().report().spending.spent == burst);
    }
}

TEST_CASE("pass: a body that a tool is slow to send holds its token for some seconds, and no longer")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    tool slow(w);
    slow.send(with_body("PUT", "/v2/calls/1/media", "Content-Length: 100000\r\n", std::string(70'000, 'x')));
    w.settle();
    std::vector<std::unique_ptr<tool>> next;
    next.push_back(w.asks(w.path(50)));
    CHECK(w.answered(next) <= 5500ms);  // four seconds and a window after TCP's acknowledgement
    CHECK(next[0]->read().status == 200);
    slow.send(std::string(30'000, 'x'));
    w.clock_runs = true;
    CHECK(contains(slow.read().body, "\"size\":100000"));
}

TEST_CASE("pass: a body that stops, or is too long, is refused and the vendor never takes it for a whole one")
{
    harness w;
    w.config.server.request_body_max = 200'000;
    w.clock_runs = true;
    w.start();
    CHECK(w.raw(with_body("PUT", "/v2/calls/1/media", "Content-Length: 200001\r\n", "")).status == 413);
    CHECK(w.vendor->connections() == 0);
    std::string body;
    for (int i = 0; i < 5; ++i) write_chunk(body, std::string(50'000, 'x'));
    CHECK(w.raw(with_body("PUT", "/v2/calls/1/media", "Transfer-Encoding: chunked\r\n", body)).status == 413);
    tool slow(w);
    slow.send(with_body("PUT", "/v2/calls/1/media", "Content-Length: 100000\r\n", std::string(70'000, 'x')));
    CHECK(slow.read().status == 408);
    tool gone(w);
    gone.send(with_body("PUT", "/v2/calls/1/media", "Content-Length: 100000\r\n", std::string(70'000, 'x')));
    gone.hang_up();
    w.run_until([&] { return w.cache->connections() == 0; });
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("pass: an answer may come before the body was read, and then no more of it is")
{
    harness w;
    w.clock_runs = true;
    w.start();
    sim::scripted early{scripted_answer("403 No\r\nContent-Length: 2", "no"), sim::then::hang};
    early.before_body = true;
    w.vendor->script("/v2/early", early);
    tool t(w);
    t.send(with_body("PUT", "/v2/early", "Content-Length: 100000000\r\n", std::string(70'000, 'x')));
    auto a = t.read();
    CHECK(a.status == 403);
    CHECK(a.body == "no");
    CHECK(a.header("connection") == "close");
    t.wait_closed();
}

TEST_CASE("pass: a vendor without progress is given up after upstream.pass_timeout, also behind a trickle")
{
    for (auto end : {sim::then::hang, sim::then::trickle})
        for (std::string begun : {"", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc"})
        {
            harness w;
            w.config.upstream.pass_timeout = 5s;
            w.clock_runs = true;
            w.start();
            w.vendor->script("/v2/users", sim::scripted{begun, end});
            tool t(w);
            t.send(w.request("GET", "/v2/users"));
            if (begun.empty())
                CHECK(t.read().status == (end == sim::then::hang ? 504 : 502));
            else
                t.wait_closed();
            w.vendor->script("/v2/users", std::nullopt);
            CHECK(w.get("/v2/users").status == 200);
        }
}

TEST_CASE("pass: dot segments are refused, however they are written")
{
    harness w;
    w.start();
    for (const char* target :
         {"/v2/../v2/users", "/v2/./users", "/v2/%2e%2E/users", "/v2/users/..", "/v2/.%2e", "/@a/v2/../x"})
        CHECK(w.get(target).status == 400);
    CHECK(w.get("/v2/users/...").status == 200);
    CHECK(w.vendor->requests() == 1);
}

TEST_SUITE_END();
