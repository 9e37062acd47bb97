// The contract's table of callcache's own answers, a row a case. None of them may cost an API call.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// The vendor's error shape, with callcache's own words in it.
std::string words_of(const answer& a)
{
    rapidjson::Document d;
    d.Parse(a.body.data(), a.body.size());
    REQUIRE(d.IsObject());
    REQUIRE(d.HasMember("requestId"));
    CHECK(std::string(d["requestId"].GetString()).starts_with("cc-"));
    REQUIRE(d.HasMember("errors"));
    REQUIRE(d["errors"].IsArray());
    REQUIRE(d["errors"].Size() == 1);
    std::string text = d["errors"][0].GetString();
    CHECK(text.starts_with("callcache: "));
    CHECK(a.header("content-type") == "application/json");
    CHECK(a.header("cache-status").starts_with("callcache; "));
    return text;
}

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: the error table");

TEST_CASE("400: what cannot be a call id is refused without asking the vendor")
{
    harness w;
    w.start();
    for (const char* id : {"undefined", "null", "None", "NaN", "12ab", "123456789012345678901", "-1", "1.5", "%31%32",
                           "1%20", "%2e%2e", "12,13", "7782342274025937895;x"})
    {
        INFO(id);
        answer a = w.get(std::string("/v2/calls/") + id);
        CHECK(a.status == 400);
        CHECK(contains(words_of(a), "1 to 20 digits"));
    }
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("400: malformed HTTP is refused, and the connection is closed")
{
    harness w;
    w.start();
    const std::string host = "Host: localhost\r\n";
    for (const std::string& bytes : {
             std::string("GET /v2/calls/1\r\n\r\n"),
             std::string("GET /v2/calls/1 HTTP/2.0\r\n") + host + "\r\n",
             std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
             std::string("GET  /v2/calls/1 HTTP/1.1\r\n") + host + "\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\n") + "Host: localhost\n\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "Host: other\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n\r\n"),
             std::string("GET /v2/calls/1 HTTP/1.1\r\nHost: a b\r\n\r\n"),
             std::string("GET /v2/calls/1 HTTP/1.1\r\nHost: user@localhost\r\n\r\n"),
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "X : y\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "X: y\r\n folded\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + std::string("X: a\0b\r\n\r\n", 10),
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "X: a\rb\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "Content-Length: 1, 1\r\n\r\na",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host +
                 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "Transfer-Encoding: gzip\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.1\r\n") + host + "Transfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n",
             std::string("GET /v2/calls/1 HTTP/1.0\r\n") + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             std::string("GET v2/calls/1 HTTP/1.1\r\n") + host + "\r\n",
             std::string("GET * HTTP/1.1\r\n") + host + "\r\n",
             std::string("\x16\x03\x01\x02\x00\x01", 6),
         })
    {
        INFO(bytes);
        tool t(w);
        t.send(bytes);
        answer a = t.read();
        CHECK(a.status == 400);
        words_of(a);
        CHECK(a.header("connection") == "close");
        t.wait_closed();
        CHECK(w.get("/v2/calls/undefined").status == 400);  // the next one is served
    }
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("401: without Authorization there is nothing to ask the vendor with")
{
    harness w;
    w.start();
    answer a = w.get(w.path(1), {}, "");
    CHECK(a.status == 401);
    CHECK(words_of(a) == "callcache: there is no Authorization. Send Gong's access key and its secret, as "
                         "`Authorization: Basic base64(KEY:SECRET)`, or a token as `Authorization: Bearer TOKEN`");
    CHECK(a.has("www-authenticate"));
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("404: a base URL without a path behind it is told the right one, and a person in a browser where to look")
{
    harness w;
    w.start();
    for (const char* alone : {"/@etl", "/@etl/", "/@etl?x=/y"})
    {
        answer a = w.get(alone);
        CHECK(a.status == 404);
        CHECK(contains(words_of(a),
                       "The base URL is http://localhost:4664/@etl, or http://localhost:4664/@etl/v2 for a tool"));
    }
    CHECK(contains(words_of(w.get("/@a%20b/v2/calls/1")), "the tool's name in /@name/… must be 1 to 64 letters"));
    CHECK(contains(w.out.text(), "its base URL is not right"));
    answer page = w.get("/", {{"Accept", "text/html,*/*;q=0.8"}}, "");
    CHECK(page.status == 404);
    CHECK(page.header("content-type") == "text/plain; charset=utf-8");
    CHECK(page.body ==
          "This is callcache, a cache in front of the Gong API. It has no page here: this address is for "
          "tools.\nThe base URL of a tool is http://localhost:4664, or http://localhost:4664/v2 for a tool "
          "that leaves /v2 out of its own paths.\n");
    words_of(w.get("/", {{"Accept", "*/*"}}));
    words_of(w.get("/favicon.ico", {{"Accept", "text/html"}}));
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("400: TLS to an address without it is logged, with what the base URL begins with")
{
    harness w;
    w.start();
    tool t(w);
    t.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    CHECK(contains(words_of(t.read()), "the base URL begins with http://"));
    CHECK(contains(w.out.text(), "a tool speaks TLS to an address without it: its base URL must begin with http://"));
    tool other(w);
    other.send(std::string("\x17\x03\x01", 3));
    CHECK(contains(words_of(other.read()), "a control character stands in the head"));
}

TEST_CASE("421 and 405: callcache is no forward proxy, and the log says who takes it for one")
{
    harness w;
    w.start();
    CHECK(w.get("http://localhost:4664" + w.path(1)).status == 200);
    CHECK_FALSE(contains(w.out.text(), "as its proxy"));
    CHECK(w.get("http://api.gong.io/v2/calls/1").status == 421);
    CHECK(contains(w.out.text(),
                   "a tool uses callcache as its proxy, which it is not: take callcache out of the tool's "
                   "HTTPS_PROXY and HTTP_PROXY, and set its base URL to callcache host=api.gong.io"));
    tool t(w);
    t.send("CONNECT api.gong.io:443 HTTP/1.1\r\nHost: api.gong.io:443\r\n\r\n");
    answer a = t.read();
    CHECK(a.status == 405);
    CHECK(contains(words_of(a), "set the tool's base URL to it"));
    CHECK(contains(w.out.text(), "set its base URL to callcache method=CONNECT"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("408: half a request and silence ends after server.header_timeout, with a word")
{
    harness w;
    w.start();
    tool half(w), silent(w);
    half.send("GET /v2/calls/1 HTTP/1.1\r\nHo");
    w.run_for_a_while();
    CHECK_FALSE(half.has_answer());
    w.clock.advance(11s);
    answer a = half.read();
    CHECK(a.status == 408);
    CHECK(contains(words_of(a), "server.header_timeout"));
    half.wait_closed();
    CHECK_FALSE(silent.closed());
    w.clock.advance(70s);
    silent.wait_closed();
    CHECK(silent.received() == 0);
}

TEST_CASE("431 and 414: a head or a target that is too large")
{
    harness w;
    w.start();
    answer head = w.get("/v2/calls/1", {{"X-Large", std::string(64 << 10, 'x')}});
    CHECK(head.status == 431);
    CHECK(contains(words_of(head), "server.header_bytes_max"));
    answer target = w.get("/v2/calls?x=" + std::string(20'000, 'x'));
    CHECK(target.status == 414);
    CHECK(w.vendor->requests() == 0);
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("429: a lookup that would wait longer than budget.wait_max is told so at once, with a true Retry-After")
{
    harness w;
    w.config.budget = {1, 1, 0ms, 2000, 3s};
    w.config.bulk.mode = bulk_mode::off;
    w.start();
    std::vector<std::unique_ptr<tool>> waiting;
    for (int i = 0; i < 4; ++i)  // sent after 0, 1, 2 and 3 s
    {
        waiting.push_back(std::make_unique<tool>(w));
        waiting.back()->send(w.request("GET", w.path(std::uint64_t(i))));
        w.run_for_a_while();
    }
    answer a = w.get(w.path(9));
    CHECK(a.status == 429);
    CHECK(a.cache("detail") == "limited");
    std::string words = words_of(a);
    CHECK(contains(words, "about 4 s of queue, limit 3 s (budget.wait_max, or send \"Prefer: wait="));
    CHECK(a.header("retry-after") == "1");
    w.clock.advance(1s);
    CHECK(waiting[1]->read().status == 200);  // while it is on its way, its token is expected back a little later
    tool again(w);
    again.send(w.request("GET", w.path(9)));
    w.run_for_a_while();
    for (int i = 0; i < 4; ++i)
    {
        w.clock.advance(1s);
        w.run_for_a_while();
    }
    w.clock_runs = true;  // a slow disk's lease may have come late
    CHECK(again.read().status == 200);
    CHECK(w.vendor->requests() == 5);
}

TEST_CASE("429: when the queue is full, the next lookup is told so at once")
{
    harness w;
    w.config.budget = {1, 1, 0ms, 2, 1h};
    w.start();
    std::vector<std::unique_ptr<tool>> waiting;
    for (int i = 0; i < 4; ++i)  // one is sent, one stands ready, two wait
    {
        waiting.push_back(std::make_unique<tool>(w));
        waiting.back()->send(w.request("GET", w.path(std::uint64_t(i))));
        w.run_for_a_while();
    }
    answer a = w.get(w.path(9));
    CHECK(a.status == 429);
    CHECK(contains(words_of(a), "budget.queue_max"));
    CHECK(std::stoi(a.header("retry-after")) >= 1);
}

TEST_CASE("429: Prefer: wait=N takes the place of budget.wait_max")
{
    harness w;
    w.config.budget = {1, 1, 0ms, 2000, 20s};
    w.start();
    CHECK(w.get(w.path(0)).status == 200);
    CHECK(w.get(w.path(1), {{"Prefer", "wait=0"}}).status == 429);
    tool t(w);
    t.send(w.request("GET", w.path(2), {{"Prefer", "wait=5"}}));
    w.run_for_a_while();
    w.clock.advance(1s);
    CHECK(t.read().status == 200);
}

TEST_CASE("502: an upstream that refuses the connection")
{
    harness w;
    w.start();
    w.vendor->go_down();
    answer a = w.get(w.path(1));
    CHECK(a.status == 502);
    CHECK(contains(words_of(a), "gave no usable answer"));
    w.vendor->come_up();
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("504: an upstream that is too slow")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    w.clock.advance(16s);
    answer a = t.read();
    CHECK(a.status == 504);
    CHECK(contains(words_of(a), "upstream.response_timeout"));
    CHECK(w.get(w.path(2)).status == 200);
}

TEST_CASE("504: a lookup that takes longer than server.answer_max, and goes on")
{
    harness w;
    w.config.server.answer_max = 5s;
    w.start();
    w.vendor->hold(w.id(1));
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    w.clock.advance(6s);
    answer a = t.read();
    CHECK(a.status == 504);
    CHECK(contains(words_of(a), "server.answer_max"));
    w.vendor->release(w.id(1));
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("503: while it drains, who waits in the queue is told to come back, and what runs is finished")
{
    harness w;
    w.config.budget = {1, 1, 0ms, 2000, 1h};
    w.start();
    w.vendor->hold(w.id(0));
    std::vector<std::unique_ptr<tool>> tools;
    for (int i = 0; i < 3; ++i)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", w.path(std::uint64_t(i))));
        w.run_for_a_while();
    }
    w.cache->drain();
    answer queued = tools[2]->read();
    CHECK(queued.status == 503);
    CHECK(queued.header("retry-after") == "1");
    CHECK(contains(words_of(queued), "stopping"));
    w.vendor->release(w.id(0));
    answer running = tools[0]->read();
    CHECK(running.status == 200);
    w.clock_runs = true;
    tools[0]->wait_closed();
}

TEST_CASE("503: one connection more than server.connections_max is answered, and not left hanging")
{
    harness w;
    w.config.server.connections_max = 2;
    w.start();
    w.vendor->hold(w.id(2));
    tool first(w), second(w);
    for (tool* t : {&first, &second}) t->send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(2)) == 2; });
    answer a = w.raw(w.request("GET", w.path(1)));
    CHECK(a.status == 503);
    CHECK(a.header("retry-after") == "1");
    CHECK(contains(words_of(a), "server.connections_max"));
    w.vendor->release(w.id(2));
    for (tool* t : {&first, &second}) CHECK(t->read().status == 200);
    first.hang_up();
    w.run_until([&] { return w.cache->connections() == 1; });
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("504: only-if-cached, and the call is not kept")
{
    harness w;
    w.start();
    answer a = w.get(w.path(1), {{"Cache-Control", "only-if-cached"}});
    CHECK(a.status == 504);
    CHECK(contains(words_of(a), "only-if-cached"));
    CHECK(w.vendor->requests() == 0);
    w.get(w.path(1));
    CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}).status == 200);
}

TEST_SUITE_END();
