// What a tool sees of the main job: the vendor's answer first, the kept one afterwards.

#include "tests/support/world.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: the main job");

TEST_CASE("a call is fetched once and then answered from the cache, byte for byte")
{
    world w;
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
    CHECK(second.header("via") == "1.1 callcache");
    CHECK_FALSE(second.has("set-cookie"));
    CHECK_FALSE(second.has("x-ratelimit-remaining"));
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("a call is still answered after a restart, from the disk")
{
    world w;
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
    world w;
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

TEST_SUITE_END();
