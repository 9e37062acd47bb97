// An upstream that hangs, trickles, hangs up, or speaks out of turn: the contract's answer, and the next is served.

#include "tests/support/hostile_vendor.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using sim::scripted;
using sim::then;

namespace
{

const std::string size = std::to_string(good_call.size());
const std::string good = ok("Content-Length: " + size + "\r\n", good_call);
const std::string good_chunked = ok("Transfer-Encoding: chunked\r\nTrailer: x\r\n", chunked());
const std::string evil = message("200 OK\r\nContent-Type: application/json", "{\"evil\":1}");

std::vector<hostile_answer> hang_ups()
{
    return {
        refused("nothing, and the end", {"", then::close}),
        refused("nothing, and a reset", {"", then::reset}),
        refused("an empty line, and the end", {"\r\n", then::close}),
        refused("half a status line, and the end", {"HTTP/1.1 2", then::close}),
        refused("half a head, and the end", {good.substr(0, 30), then::close}),
        refused("a head, and the end", {good.substr(0, good.size() - good_call.size()), then::close}),
        refused("a head, and a reset", {good.substr(0, good.size() - good_call.size()), then::reset}),
        refused("half a body, and the end", {good.substr(0, good.size() - 9), then::close}),
        refused("half a body, and a reset", {good.substr(0, good.size() - 9), then::reset}),
        refused("half a chunked body, and a reset", {good_chunked.substr(0, good_chunked.size() - 9), then::reset}),
        served("an answer, and the end", {good, then::close}, line::ends),
        refused("a letter, and nothing more", {"x", then::hang}),
        refused("a space, and nothing more", {" ", then::hang}),
        refused("half of another protocol's name", {"HTTP/2", then::hang}),
        served("a chunked answer, and the end", {good_chunked, then::close}, line::ends),
        refused("a length of 100 MB", {ok("Content-Length: 100000000\r\n", "{"), then::hang}),
        refused("a body until the end that has none", {ok("", ""), then::trickle, std::string(50'000, ' ')}),
        served("an answer byte by byte", {good, then::keep, "", 1}),
        served("a chunked answer byte by byte", {good_chunked, then::keep, "", 1}),
        served("an answer until the end, byte by byte", {ok("", good_call), then::close, "", 1}, line::ends),
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: a hostile upstream");

TEST_CASE("hang-ups: before, within and after an answer")
{
    harness w;
    check_all(w, hang_ups());
}

TEST_CASE("hang-ups: an answer that is cut anywhere is not kept, and a whole one is")
{
    harness w;
    w.clock_runs = true;
    w.start();
    std::uint64_t next = 10;
    for (const std::string& whole : {good, good_chunked})
        for (std::size_t cut = 0; cut <= whole.size(); ++cut)
        {
            INFO("cut before byte ", cut, " of ", whole.size());
            w.vendor->script(asked_id, scripted{whole.substr(0, cut), then::close});
            answer a = w.get(w.path(1));
            CHECK(a.status == (cut == whole.size() ? 200 : 502));
            CHECK(a.cache("stored") == (cut == whole.size() ? "stored" : ""));
            // It was no outage: the breaker lets the next one through.
            ++next;
            CHECK(w.get(w.path(next)).status == (w.vendor->catalogue().is_found(next) ? 200 : 404));
            w.cache->kept().purge(asked_id, [](bool) {});
        }
}

TEST_CASE("an upstream that hangs or trickles for ever costs one upstream.response_timeout")
{
    harness w;
    w.start();
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    std::uint64_t next = 100;
    for (const scripted& s : {scripted{"", then::hang},
                              {"HTTP/1.1 2", then::hang},
                              {"HTTP/1.1 200 ", then::trickle, "O"},
                              {head, then::hang},
                              {head + "X: ", then::trickle},
                              {head, then::trickle, "X: y\r\n"},
                              {head + "\r\n", then::trickle},
                              {head + "\r\n" + good_call, then::hang},
                              {head + "Content-Length: 1000000\r\n\r\n", then::trickle},
                              {head + "Content-Length: 1000000\r\n\r\n" + good_call, then::hang},
                              {good.substr(0, good.size() - 1), then::hang},
                              {head + "Transfer-Encoding: chunked\r\n\r\n", then::hang},
                              {head + "Transfer-Encoding: chunked\r\n\r\n5;", then::trickle, "a"},
                              {head + "Transfer-Encoding: chunked\r\n\r\nfff\r\n", then::trickle},
                              {head + "Transfer-Encoding: chunked\r\n\r\n", then::trickle, "1\r\n \r\n"},
                              {head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", then::trickle, "x:\r\n"},
                              {good_chunked.substr(0, good_chunked.size() - 1), then::hang},
                              {"HTTP/1.1 100 Continue\r\n\r\n", then::hang},
                              {"HTTP/1.1 503 Service Unavailable\r\n", then::hang},
                              {"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", then::hang}})
    {
        INFO(s.bytes);
        w.vendor->script(w.id(1), s);
        tool t(w);
        std::size_t before = w.vendor->requests();
        t.send(w.request("GET", w.path(1)));
        w.run_until([&] { return w.vendor->requests() == before + 1; });
        for (int i = 0; i < 4; ++i)
        {
            w.clock.advance(3500ms);
            w.run_for_a_while();
        }
        CHECK_FALSE(t.has_answer());
        w.clock.advance(1100ms);
        CHECK(t.read().status == 504);
        CHECK(w.vendor->requests() == before + 1);
        w.vendor->script(w.id(1), std::nullopt);
        CHECK(w.get(w.path(next += 2)).status == 200);
    }
}

TEST_CASE("a body may take almost as long as upstream.response_timeout, and no longer")
{
    harness w;
    w.clock_runs = true;
    w.start();
    auto pieces = [](std::size_t n) { return ok("Content-Length: " + size + "\r\n", good_call).size() / n + 1; };
    REQUIRE(w.config.upstream.response_timeout == 15s);
    w.vendor->script(asked_id, scripted{good, then::keep, "", pieces(100)});  // 2 s
    CHECK(w.get(w.path(1)).status == 200);
    w.cache->kept().purge(asked_id, [](bool) {});
    w.vendor->script(asked_id,
                     scripted{ok("Content-Length: 800\r\n", std::string(800, ' ')), then::keep, "", 1});  // 17 s
    CHECK(w.get(w.path(1)).status == 504);
}

TEST_CASE("an answer may end with the connection, come in chunks, or after a 103")
{
    harness w;
    w.start();
    const std::string id = w.id(1), body = "{\"requestId\":\"r\",\"call\":" + w.vendor->body(id) + "}";
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for (const scripted& s :
         {scripted{head + "\r\n" + body, then::close},
          {head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body)},
          {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + message("200 OK\r\nContent-Type: application/json", body)},
          {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body, then::close}})
    {
        INFO(s.bytes);
        w.vendor->script(id, s);
        answer a = w.get(w.path(1));
        CHECK(a.status == 200);
        CHECK(a.body == body);
        CHECK(a.cache("stored") == "stored");
        w.cache->kept().purge(id, [](bool) {});
    }
}

TEST_CASE("out of turn: bytes on an idle connection are not taken for the next answer")
{
    harness w;
    w.start();
    std::uint64_t next = 10;
    for (const std::string& bytes : {evil, std::string("\r\n"), std::string("x"),
                                     std::string("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"),
                                     std::string("HTTP/1.1 100 Continue\r\n\r\n"),
                                     message("404 Not Found\r\nContent-Type: application/json", "{}")})
    {
        INFO(bytes);
        CHECK(w.get(w.path(++next)).status == 200);
        std::size_t connections = w.vendor->connections();
        w.vendor->volunteer(bytes);
        w.run_for_a_while();
        answer a = w.get(w.path(++next));
        CHECK(a.status == 200);
        CHECK(w.call_of(a) == w.vendor->body(w.id(next)));
        CHECK(w.vendor->connections() == connections + 1);
    }
}

TEST_CASE("out of turn: bytes that come behind an answer, late, end the connection")
{
    harness w;
    w.start();
    w.vendor->script(asked_id, scripted{good, then::trickle, evil});
    CHECK(w.get(w.path(1)).status == 200);
    w.clock.advance(20ms);
    w.run_for_a_while();
    answer a = w.get(w.path(2));
    CHECK(w.call_of(a) == w.vendor->body(w.id(2)));
    CHECK(w.vendor->connections() == 2);
}

TEST_CASE("out of turn: an answer that comes before its request was read is none")
{
    harness w;
    w.clock_runs = true;
    w.start();
    w.vendor->greet(message("200 OK\r\nContent-Type: application/json"));
    for (int i = 0; i < 3; ++i)
    {
        answer a = w.get(w.path(2));
        CHECK(a.status == 502);
        CHECK(a.cache("stored") == "");
    }
    w.vendor->greet("");
    answer a = w.get(w.path(2));
    CHECK(a.status == 200);
    CHECK(w.call_of(a) == w.vendor->body(w.id(2)));
}

TEST_CASE("an idle connection that the vendor closed is replaced without a word, and costs nothing")
{
    harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->close_idle();
    w.run_for_a_while();
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("a connection that is closed as the request arrives is tried once more, on a fresh one")
{
    harness w;
    w.clock_runs = true;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->script(w.id(2), scripted{"", then::close});
    answer a = w.get(w.path(2));
    CHECK(a.status == 502);
    CHECK(w.vendor->requests(w.id(2)) == 3);  // and once more, as a lost lookup is retried
    CHECK(w.get(w.path(3)).status == 200);
    // The connection is a fresh one now: then closing it is the vendor's answer.
    w.vendor->close_idle();
    w.run_for_a_while();
    w.vendor->script(w.id(4), scripted{"", then::close});
    CHECK(w.get(w.path(4)).status == 502);
    CHECK(w.vendor->requests(w.id(4)) == 1);
}

TEST_CASE("Retry-After: an odd one is a guess, an absurd one has a bound, and nothing is sent before its end")
{
    struct row
    {
        const char* lines;
        std::chrono::seconds pause;  // that the tool is told
    };
    for (const row& r : std::vector<row>{{"Retry-After: 90\r\n", 90s},
                                         {"Retry-After: 000090\r\n", 90s},
                                         {"Retry-After:    90   \r\n", 90s},
                                         {"Retry-After: 90\r\nRetry-After: 3600\r\n", 3600s},
                                         {"Retry-After: 3600\r\nRetry-After: 90\r\n", 3600s},
                                         {"Retry-After: 86400\r\n", 86400s},
                                         {"Retry-After: 86401\r\n", 86400s},
                                         {"Retry-After: 99999999999999999999999999\r\n", 86400s},
                                         {"Retry-After: Tue, 24 Nov 2026 08:05:00 GMT\r\n", 298s},
                                         {"Retry-After: Fri, 24 Nov 2999 08:05:00 GMT\r\n", 86400s}})
    {
        INFO(r.lines);
        harness w;
        w.start();
        w.vendor->script(asked_id, scripted{message(std::string("429 Too Many Requests\r\n") + r.lines + "X: y", "")});
        answer a = w.get(w.path(1));
        CHECK(a.status == 429);
        CHECK(std::abs(std::stol(a.header("retry-after")) - long(r.pause.count())) <= 1);
        w.clock.advance(r.pause - 30s);
        CHECK(w.get(w.path(2)).status == 429);
        CHECK(w.vendor->requests() == 1);
        w.clock.advance(31s);
        CHECK(w.get(w.path(2)).status == 200);
    }
}

TEST_CASE("Retry-After: one that says nothing usable means a second, and the lookup waits for it")
{
    for (const char* lines :
         {"", "Retry-After:\r\n", "Retry-After: 0\r\n", "Retry-After: -90\r\n", "Retry-After: +90\r\n",
          "Retry-After: 90.5\r\n", "Retry-After: 90s\r\n", "Retry-After: 0x5a\r\n", "Retry-After: 90, 90\r\n",
          "Retry-After: \"90\"\r\n", "Retry-After: soon\r\n", "Retry-After: \xd9\xa9\r\n",
          "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "Retry-After: Tue, 99 Nov 2026 08:05:00 GMT\r\n",
          "Connection: Retry-After\r\nRetry-After: 90\r\n"})
    {
        INFO(lines);
        harness w;
        w.start();
        w.vendor->script(asked_id, scripted{message(std::string("429 Too Many Requests\r\n") + lines + "X: y", "")});
        tool t(w);
        t.send(w.request("GET", w.path(1)));
        w.run_until([&] { return w.vendor->requests() == 1; });
        w.run_for_a_while();
        w.vendor->script(asked_id, std::nullopt);
        w.clock.advance(900ms);
        w.run_for_a_while();
        CHECK(w.vendor->requests() == 1);
        w.clock.advance(200ms);
        CHECK(t.read().status == 200);
        CHECK(w.vendor->requests() == 2);
    }
}

TEST_SUITE_END();
