// What a tool sees of the main job: the vendor's answer first, the kept one afterwards.

#include "server/http/via.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: the main job");

TEST_CASE("a call is fetched once and then answered from the cache, byte for byte")
{
    harness w;
    w.start();
    answer first = w.get(w.path(1));
    CHECK(first.status == 200);
    CHECK(first.cache("fwd") == "miss");
    CHECK(first.cache("fwd-status") == "200");
    CHECK(first.cache("stored") == "stored");
    CHECK(w.call_of(first) == w.vendor->body(w.id(1)));
    CHECK(first.header("content-type") == "application/json;charset=UTF-8");

    w.clock.advance(90s);
    answer second = w.get(w.path(1));
    CHECK(second.status == 200);
    CHECK(second.cache("hit") == "hit");
    CHECK(second.body == first.body);
    CHECK(second.header("age") == "90");
    CHECK(second.header("etag") == first.header("etag"));
    CHECK(second.header("via") == callcache::own_via());
    CHECK_FALSE(second.has("set-cookie"));
    CHECK_FALSE(second.has("x-ratelimit-remaining"));
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("a call is still answered after a restart, from the disk")
{
    harness w;
    w.start();
    answer first = w.get(w.path(1));
    w.start();
    answer second = w.get(w.path(1));
    CHECK(second.cache("hit") == "hit");
    CHECK(second.body == first.body);
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("fifty tools ask at once, the vendor is asked once")
{
    harness w;
    w.start();
    std::string id = w.id(1);
    w.vendor->hold(id);
    std::vector<std::unique_ptr<tool>> tools;
    for (int i = 0; i < 50; ++i)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", w.path(1)));
    }
    w.run_until([&] { return w.cache->misses().waiting(id) == 50; });
    w.vendor->release(id);
    int misses = 0, collapsed = 0;
    for (auto& t : tools)
    {
        answer a = t->read();
        CHECK(w.call_of(a) == w.vendor->body(id));
        misses += a.cache("detail") == "miss";
        collapsed += a.cache("collapsed") == "collapsed";
    }
    CHECK(misses == 1);
    CHECK(collapsed == 49);
    CHECK(w.vendor->requests(id) == 1);
}

TEST_CASE(
    "a cookie that the vendor sets is for the one whose request it answers, and not for those who share the answer")
{
    for (bool fails : {false, true})
    {
        CAPTURE(fails);
        harness w;
        w.start();
        const std::string failure = "HTTP/1.1 500 Oops\r\nSet-Cookie: a=b\r\nX-More: 1\r\nContent-Length: 0\r\n\r\n";
        if (fails) w.vendor->script(w.id(1), sim::scripted{failure});
        w.vendor->hold(w.id(1));
        std::vector<std::unique_ptr<tool>> tools;
        for (std::size_t n = 1; n <= 3; ++n)
        {
            tools.push_back(std::make_unique<tool>(w));
            tools.back()->send(w.request("GET", w.path(1)));
            w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == n; });
        }
        w.vendor->release(w.id(1));
        for (std::size_t n = 0; n < 3; ++n)
        {
            answer a = tools[n]->read();
            CAPTURE(a.raw);
            CHECK(a.status == (fails ? 500 : 200));
            CHECK((a.cache("collapsed") == "collapsed") == (n > 0));
            CHECK(a.has("set-cookie") == (n == 0));
            CHECK(a.has(fails ? "x-more" : "x-ratelimit-remaining"));  // the other fields are everybody's
        }
        CHECK(w.vendor->requests() == 1);
    }
}

TEST_CASE(
    "a lookup goes upstream with callcache's own fields and the tool's credential, and nothing else of the tool's")
{
    harness w;
    w.start();
    w.send("HEAD", w.path(1),
           {{"Accept-Encoding", "gzip, br"},
            {"X-Secret", "1"},
            {"Cookie", "a=b"},
            {"Range", "bytes=0-1"},
            {"If-None-Match", "\"x\""},
            {"User-Agent", "evil"}});
    REQUIRE(w.vendor->heads().size() == 1);
    CHECK(w.vendor->heads()[0] ==
          "GET " + w.path(1) + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(w.vendor->port()) +
              "\r\nAuthorization: " + authorization +
              "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/0.1.0\r\nVia: " +
              callcache::own_via() + "\r\n\r\n");
}

TEST_CASE("HEAD is answered from the same answer, without its body")
{
    harness w;
    w.start();
    answer head = w.send("HEAD", w.path(1));
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    answer get = w.get(w.path(1));
    CHECK(get.cache("hit") == "hit");
    CHECK(head.header("content-length") == std::to_string(get.body.size()));
    CHECK(head.header("etag") == get.header("etag"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("If-None-Match is answered 304, on a miss as on a hit; Range is ignored")
{
    harness w;
    w.start();
    std::string etag = w.get(w.path(1)).header("etag");
    CHECK(etag.starts_with('"'));
    for (const std::string& list : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")})
    {
        INFO(list);
        answer a = w.get(w.path(1), {{"If-None-Match", list}});
        CHECK(a.status == 304);
        CHECK(a.body.empty());
        CHECK(a.header("etag") == etag);
    }
    CHECK(w.get(w.path(1), {{"If-None-Match", "\"x\""}}).status == 200);
    w.cache->kept().purge_all([](bool) {});
    answer miss = w.get(w.path(1), {{"If-None-Match", etag}});
    CHECK(miss.status == 304);
    CHECK(miss.cache("fwd") == "miss");
    CHECK(w.get(w.path(1), {{"Range", "bytes=0-1"}}).status == 200);
}

TEST_CASE("a 404 is remembered briefly, twice as long when it is repeated, and a sighting clears it")
{
    harness w;
    w.start();
    w.vendor->remove(w.id(1));
    answer first = w.get(w.path(1));
    CHECK(first.status == 404);
    CHECK(first.cache("stored") == "stored");
    w.clock.advance(9s);
    answer again = w.get(w.path(1));
    CHECK(again.status == 404);
    CHECK(again.body == first.body);
    CHECK(again.cache("detail") == "negative");
    CHECK(w.vendor->requests() == 1);
    w.clock.advance(2s);
    CHECK(w.get(w.path(1)).cache("ttl") == "20");
    CHECK(w.vendor->requests() == 2);
    for (int i = 0; i < 10; ++i)  // a young call may be in processing: never more than a minute
    {
        w.clock.advance(61s);
        CHECK(std::stoi(w.get(w.path(1)).cache("ttl")) <= 60);
    }
    w.vendor->remove(w.id(1), false);
    w.clock.advance(61s);
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->remove(w.id(1));
    w.cache->kept().purge_all([](bool) {});
    CHECK(w.get(w.path(1)).cache("ttl") == "10");
}

TEST_CASE("a stale call is served at once and refreshed in the background")
{
    harness w;
    w.start();
    std::string id = w.id(1);
    answer first = w.get(w.path(1));
    int ttl = std::stoi(first.cache("ttl"));
    CHECK(ttl >= 270);
    CHECK(ttl <= 330);
    w.vendor->edit(id);
    w.clock.advance(std::chrono::seconds(ttl + 10));
    answer stale = w.get(w.path(1));
    CHECK(stale.body == first.body);
    CHECK(stale.cache("detail") == "stale");
    CHECK(std::stoi(stale.cache("ttl")) <= -9);
    w.run_until([&] { return w.vendor->requests(id) == 2 && w.cache->misses().report().flights == 0; });
    answer fresh = w.get(w.path(1));
    CHECK(fresh.cache("detail") == "hit");
    CHECK(w.call_of(fresh) == w.vendor->body(id));
    CHECK(fresh.body != first.body);
    CHECK(fresh.header("etag") != first.header("etag"));
}

TEST_CASE("a refresh that brings the same call changes only its times")
{
    harness w;
    w.start();
    answer first = w.get(w.path(1));
    w.clock.advance(400s);
    w.get(w.path(1));
    w.run_until([&] { return w.vendor->requests() == 2 && w.cache->misses().report().flights == 0; });
    answer second = w.get(w.path(1));
    CHECK(second.body == first.body);
    CHECK(second.header("etag") == first.header("etag"));
    CHECK(second.header("age") == "0");
}

TEST_CASE("an outage upstream leaves every kept answer served, for as long as cache.calls.stale_if_error")
{
    harness w;
    w.start();
    answer first = w.get(w.path(1));
    w.vendor->go_down();
    w.clock.advance(24h);
    answer kept = w.get(w.path(1));
    CHECK(kept.status == 200);
    CHECK(kept.body == first.body);
    CHECK(kept.cache("hit") == "hit");
    CHECK(kept.cache("detail") == "error");
    w.clock.advance(7 * 24h);
    CHECK(w.get(w.path(1)).status == 502);
}

TEST_CASE("500 and 503 of the vendor are answered from what is kept, and handed on where nothing is")
{
    harness w;
    w.clock_runs = true;
    w.start();
    answer first = w.get(w.path(1));
    for (const char* status : {"500 Internal Server Error", "503 Service Unavailable"})
    {
        INFO(status);
        w.vendor->script("", sim::scripted{std::string("HTTP/1.1 ") + status +
                                           "\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"});
        w.clock.advance(4h);
        answer kept = w.get(w.path(1));
        CHECK(kept.status == 200);
        CHECK(kept.body == first.body);
        answer nothing = w.get(w.path(2));
        CHECK(nothing.status == std::stoul(status));
        CHECK(nothing.body == "busy");
        CHECK(nothing.header("retry-after") == "7");
    }
}

TEST_CASE("a call that is gone at the vendor is gone here with the next refresh")
{
    harness w;
    w.start();
    w.get(w.path(1));
    w.vendor->remove(w.id(1));
    w.clock.advance(400s);
    w.get(w.path(1));
    w.run_until([&] { return w.vendor->requests() == 2 && w.cache->misses().report().flights == 0; });
    CHECK(w.get(w.path(1)).status == 404);
    w.start();
    w.vendor->go_down();
    CHECK(w.get(w.path(1)).status != 200);
}

TEST_CASE("a tool forces a fetch only when the entry is older than cache.client_min_age")
{
    harness w;
    w.config.cache.client_min_age = 60s;
    w.start();
    w.get(w.path(1));
    w.clock.advance(1s);
    for (std::string directive : {"no-cache", "no-store", "max-age=0", "min-fresh=100000"})
    {
        INFO(directive);
        answer young = w.get(w.path(1), {{"Cache-Control", directive}});
        CHECK(young.cache("hit") == "hit");
        CHECK(young.cache("detail") == "kept-young");
    }
    CHECK(w.get(w.path(1), {{"Pragma", "no-cache"}}).cache("detail") == "kept-young");
    CHECK(w.vendor->requests() == 1);
    w.clock.advance(61s);
    answer forced = w.get(w.path(1), {{"Cache-Control", "no-cache"}});
    CHECK(forced.cache("fwd") == "request");
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("max-stale lets a tool have what others would have fetched anew")
{
    harness w;
    w.start();
    answer first = w.get(w.path(1));
    w.clock.advance(90min);
    answer stale = w.get(w.path(1), {{"Cache-Control", "max-stale"}});
    CHECK(stale.body == first.body);
    CHECK(stale.cache("detail") == "stale");
}

TEST_CASE("a tool may name itself in its base URL, and the name does not reach the vendor")
{
    harness w;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    CHECK(w.vendor->heads()[0].starts_with("GET " + w.path(1) + " HTTP/1.1"));
    CHECK(w.get("/@dashboard" + w.path(1)).cache("hit") == "hit");
    CHECK(w.get("/@/v2/calls/1").status == 400);
    CHECK(w.get("/@a%20b/v2/calls/1").status == 400);
}

TEST_CASE("an id of 20 digits, beyond what 64 bits hold, is as good as any")
{
    harness w;
    w.start();
    std::string id = w.id(49);
    REQUIRE(id.size() == 20);
    CHECK(w.call_of(w.get("/v2/calls/" + id)) == w.vendor->body(id));
    CHECK(w.get("/v2/calls/" + id).cache("hit") == "hit");
    CHECK(w.get("/v2/calls/0" + w.id(1)).status == 404);  // another id, whatever its value as a number
}

TEST_CASE("whoever leaves takes nobody along: the flight goes on, and what it brings is kept")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tool leaver(w), stayer(w);
    leaver.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 1; });
    stayer.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 2; });
    leaver.hang_up();
    w.run_for_a_while();
    w.vendor->release(w.id(1));
    CHECK(stayer.read().status == 200);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("what was sent before its last asker left is kept when it comes")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tool leaver(w);
    leaver.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests() == 1; });
    leaver.hang_up();
    w.run_for_a_while();
    w.vendor->release(w.id(1));
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("whoever has little patience takes nobody along who has more")
{
    harness w;
    w.config.upstream.connections_max = 1;
    w.config.upstream.response_timeout = 5s;
    w.config.budget = {1000, 1, 0ms, 2000, 1h};
    w.start();
    w.vendor->hold(w.id(1));  // each of the two has the one connection for five seconds
    w.vendor->hold(w.id(2));
    tool one(w), two(w), hasty(w), patient(w);
    auto ask = [&](tool& t, std::uint64_t n, std::size_t waiting, const fields& further = {}) {
        t.send(w.request("GET", w.path(n), further));
        w.run_until([&] { return w.cache->misses().waiting(w.id(n)) == waiting; });
    };
    ask(one, 1, 1);
    ask(two, 2, 1);
    ask(hasty, 20, 1, {{"Prefer", "wait=2"}});
    ask(patient, 20, 2);
    auto wait_for_answer = [&](tool& t) {
        for (; !t.has_answer(); w.run_for_a_while()) w.clock.advance(1s);
        return t.read().status;
    };
    unsigned refused = wait_for_answer(hasty);
    CHECK((refused == 429 || refused == 504));  // the latter if its turn came, and no connection
    CHECK_FALSE(patient.has_answer());
    CHECK(wait_for_answer(patient) == 200);
}

TEST_CASE("an outage of an hour costs at most 100 API calls, however many tools keep asking; then everything goes on")
{
    harness w;
    w.clock_runs = true;
    w.config.budget = {3, 3, 30ms, 2000, 20s};
    w.start();
    answer first = w.get(w.path(0));
    w.vendor->script("", sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    std::size_t before = w.vendor->requests();
    w.clock.advance(600s);  // the kept call is past its window: asked for again, and served because of the error
    int down = 0;
    for (int second = 0; second < 3600; second += 4)
    {
        CHECK(w.get(w.path(0)).body == first.body);
        answer a = w.get(w.path(std::uint64_t(second + 2)));
        bool refused = a.status == 502 && a.has("retry-after") && std::stoi(a.header("retry-after")) <= 60;
        down += refused;
        CHECK((refused || a.status == 503));
        w.clock.advance(4s);
    }
    CHECK(w.vendor->requests() - before <= 100);
    CHECK(down > 800);
    w.vendor->script("", std::nullopt);
    w.clock.advance(61s);
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.get(w.path(4)).status == 200);
    CHECK(w.out.text().find("Gong is down") != std::string::npos);
    CHECK(w.out.text().find("Gong answers again") != std::string::npos);
}

TEST_CASE("an outage that fails many lookups is a few lines in the log, and not one for each")
{
    harness w;
    w.start();
    w.vendor->go_down();
    for (std::uint64_t n = 0; n < 30; ++n) CHECK(w.get(w.path(n * 2)).status == 502);
    std::string text = w.out.text();
    std::size_t told = 0;
    for (std::size_t at = 0; (at = text.find("a request failed", at)) != std::string::npos; ++at) ++told;
    CHECK(told == 3);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 10);
}

TEST_CASE("with :memory: nothing is written, and everything works until the process ends")
{
    harness w;
    w.config.cache.path = ":memory:";
    w.start();
    w.get(w.path(1));
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.start();
    CHECK(w.get(w.path(1)).cache("fwd") == "miss");
    CHECK(std::filesystem::is_empty(w.folder.path()));
}

TEST_CASE("the file holds neither credentials nor anything that leads back to them")
{
    harness w;
    w.start();
    w.get(w.path(1));
    w.stop();
    for (const auto& f : std::filesystem::directory_iterator(w.folder.path()))
    {
        std::ifstream in(f.path(), std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(in)), {});
        CHECK(bytes.find("a2V5OnNlY3JldA") == std::string::npos);
        CHECK(bytes.find("key:secret") == std::string::npos);
    }
    CHECK(w.out.text().find("a2V5OnNlY3JldA") == std::string::npos);
}

TEST_SUITE_END();
