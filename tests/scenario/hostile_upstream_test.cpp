// An upstream that lies, hangs, or talks nonsense: the contract's answer, nothing wrong is kept, the next is served.

#include "tests/support/world.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using sim::scripted;
using sim::then;

namespace
{

std::string message(const std::string& head, const std::string& body)
{
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string json(const std::string& body)
{
    return message("200 OK\r\nContent-Type: application/json", body);
}

struct hostile
{
    const char* what;
    scripted answer;
    unsigned status;  // what the tool gets
};

}  // namespace

TEST_SUITE_BEGIN("scenario: a hostile upstream");

TEST_CASE("an answer that is not the call is not handed on, not kept, and harms nobody else")
{
    const std::string id = sim::call_world().id(1), other = sim::call_world().id(2);
    const std::string good = "{\"requestId\":\"r\",\"call\":{\"id\":\"" + id + "\"}}";
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::vector<hostile> cases{
        {"nothing", {"", then::close}, 502},
        {"a reset", {"", then::reset}, 502},
        {"half a head", {"HTTP/1.1 200 OK\r\nConte", then::close}, 502},
        {"half a body",
         {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"req", then::close},
         502},
        {"HTML", {message("200 OK\r\nContent-Type: text/html", "<html>maintenance</html>")}, 502},
        {"HTML that claims to be JSON", {json("<html>maintenance</html>")}, 502},
        {"no content type", {message("200 OK", good)}, 502},
        {"gzip, unasked",
         {message("200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip", "\x1f\x8b\x08")},
         502},
        {"half of a JSON text", {json(good.substr(0, good.size() - 1))}, 502},
        {"JSON and more", {json(good + "x")}, 502},
        {"a megabyte of [", {json(std::string(1 << 20, '['))}, 502},
        {"another call", {json("{\"requestId\":\"r\",\"call\":{\"id\":\"" + other + "\"}}")}, 502},
        {"an id that is a number", {json("{\"requestId\":\"r\",\"call\":{\"id\":" + id + "}}")}, 502},
        {"two calls", {json("{\"call\":{\"id\":\"" + id + "\"},\"call\":{\"id\":\"" + id + "\"}}")}, 502},
        {"no call", {json("{\"requestId\":\"r\"}")}, 502},
        {"a list", {json("[" + good + "]")}, 502},
        {"more than a megabyte",
         {json("{\"requestId\":\"" + std::string(1 << 20, 'x') + "\",\"call\":{\"id\":\"" + id + "\"}}")},
         502},
        {"a length of 100 MB",
         {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{", then::hang},
         502},
        {"a length that is too short",
         {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n" + good},
         502},
        {"both lengths", {chunked.substr(0, chunked.size() - 2) + "Content-Length: 3\r\n\r\n0\r\n\r\n"}, 502},
        {"two lengths", {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"}, 502},
        {"an unknown coding", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nabcd", then::close}, 502},
        {"a malformed chunk", {chunked + "zz\r\n{\r\n0\r\n\r\n"}, 502},
        {"chunks without an end", {chunked + "5\r\n{\"req\r\n", then::close}, 502},
        {"a chunk's extension without an end", {chunked + "5;a=" + std::string(200'000, 'a'), then::hang}, 502},
        {"a trailer without an end", {chunked + "0\r\n" + std::string(200'000, 'a'), then::hang}, 502},
        {"bare LF", {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}, 502},
        {"another protocol", {"SSH-2.0-OpenSSH_9.2\r\n", then::hang}, 502},
        {"HTTP/2", {"HTTP/2 200\r\n\r\n", then::close}, 502},
        {"a field without a colon", {"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", then::close}, 502},
        {"101", {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", then::hang}, 502},
        {"204", {"HTTP/1.1 204 No Content\r\n\r\n"}, 502},
        {"206", {message("206 Partial Content\r\nContent-Type: application/json", good)}, 502},
        {"1xx for ever",
         {[] {
             std::string many;
             for (int i = 0; i < 50; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
             return many;
         }()},
         502},
        {"a redirect, handed on and not followed",
         {message("302 Found\r\nLocation: https://elsewhere.example/", "")},
         302},
        {"500", {message("500 Internal Server Error\r\nContent-Type: application/json", "{\"errors\":[]}")}, 500},
        {"a 404 that is not the vendor's", {message("404 Not Found\r\nContent-Type: text/html", "<html>")}, 404},
        {"400", {message("400 Bad Request\r\nContent-Type: application/json", "{\"errors\":[]}")}, 400},
        {"403", {message("403 Forbidden\r\nContent-Type: application/json", "{\"errors\":[]}")}, 403},
        {"429", {message("429 Too Many Requests\r\nRetry-After: 70", "")}, 429},
    };
    world w;
    w.clock_runs = true;
    w.start();
    REQUIRE(id == w.id(1));
    for (const hostile& c : cases)
    {
        INFO(c.what);
        w.vendor->script(id, c.answer);
        answer a = w.get(w.path(1));
        CHECK(a.status == c.status);
        w.clock.advance(71s);  // a pause is over
        CHECK(a.cache("stored") == "");
        w.vendor->script(id, std::nullopt);
        answer next = w.get(w.path(1));
        CHECK(next.status == 200);
        CHECK(w.call_of(next) == w.vendor->body(id));
        CHECK(next.cache("fwd") == "miss");
        w.cache->kept().purge(id, [](bool) {});
    }
}

TEST_CASE("an upstream that hangs or trickles for ever costs one upstream.response_timeout")
{
    world w;
    w.start();
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    std::uint64_t next = 100;
    for (const scripted& s : {scripted{"", then::hang},
                              {"HTTP/1.1 2", then::hang},
                              {"HTTP/1.1 2", then::trickle},
                              {head + "\r\n", then::trickle},
                              {head + "Content-Length: 1000000\r\n\r\n", then::trickle},
                              {head + "Transfer-Encoding: chunked\r\n\r\n", then::trickle}})
    {
        INFO(s.bytes);
        w.vendor->script(w.id(1), s);
        tool t(w);
        std::size_t before = w.vendor->requests();
        t.send(w.request("GET", w.path(1)));
        w.run_until([&] { return w.vendor->requests() == before + 1; });
        for (int i = 0; i < 14 && !t.has_answer(); ++i)
        {
            w.clock.advance(1s);
            w.run_for_a_while();
        }
        bool early = t.has_answer();
        if (!early) w.clock.advance(1100ms);
        answer a = t.read();
        CHECK((a.status == 504 || (early && a.status == 502)));
        w.vendor->script(w.id(1), std::nullopt);
        CHECK(w.get(w.path(next += 2)).status == 200);
    }
}

TEST_CASE("an answer may end with the connection, come in chunks, or after a 103")
{
    world w;
    w.start();
    const std::string id = w.id(1), body = "{\"requestId\":\"r\",\"call\":" + w.vendor->body(id) + "}";
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    char size[16];
    std::snprintf(size, sizeof size, "%zx", body.size());
    for (const scripted& s :
         {scripted{head + "\r\n" + body, then::close},
          {head + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\nTrailer: x\r\n\r\n"},
          {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + head + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body},
          {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body, then::close}})
    {
        INFO(s.bytes);
        w.vendor->script(id, s);
        answer a = w.get(w.path(1));
        CHECK(a.status == 200);
        CHECK(a.body == body);
        CHECK(a.cache("stored") == "stored");
        CHECK_FALSE(a.has("trailer"));
        w.cache->kept().purge(id, [](bool) {});
    }
}

TEST_CASE("what comes after an answer was not asked for: the connection is not used again")
{
    world w;
    w.start();
    const std::string id = w.id(1), body = "{\"requestId\":\"r\",\"call\":" + w.vendor->body(id) + "}";
    w.vendor->script(id, scripted{json(body) + json("{\"requestId\":\"evil\",\"call\":{\"id\":\"" + w.id(2) + "\"}}")});
    CHECK(w.get(w.path(1)).body == body);
    answer next = w.get(w.path(2));
    CHECK(w.call_of(next) == w.vendor->body(w.id(2)));
    CHECK(w.vendor->connections() == 2);
}

TEST_CASE("an idle connection that the vendor closed is replaced without a word, and costs nothing")
{
    world w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->close_idle();
    w.run_for_a_while();
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("a connection that is closed as the request arrives is tried once more, on a fresh one")
{
    world w;
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

TEST_SUITE_END();
