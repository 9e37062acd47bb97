// credentials.share=company: the listed keys share what is kept; what the vendor said to one of them alone stays its
// own.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string unlisted = sim::basic("unlisted", "secret");
const fields only_kept{{"Cache-Control", "only-if-cached"}};
const fields at_any_age{{"Cache-Control", "only-if-cached, max-stale"}};

// Two keys of a company, `authorization` and `other_authorization`, both accepted by the vendor, and one of nobody's.
struct company_harness : harness
{
    company_harness()
    {
        vendor_options.keys[unlisted] = {};
        config.credentials.share = credentials_share::company;
        config.credentials.company_keys = {"key", "other"};
        start();
        for (const std::string& as : {authorization, other_authorization, unlisted})
            REQUIRE(get(path(100), {{"Cache-Control", "no-cache"}}, as).status == 200);
    }
    answer other(const std::string& target, const fields& f = {}) { return get(target, f, other_authorization); }

    // What is asked for from now on shows the call as it is, or as a private one.
    void make_private(std::uint64_t number, bool is_private = true)
    {
        std::string body = "{\"requestId\":\"r\",\"call\":" + vendor->body(id(number)) + "}",
                    now = "\"isPrivate\":false";
        auto at = body.find(now);
        REQUIRE(at != body.npos);
        if (is_private) body.replace(at, now.size(), "\"isPrivate\":true");
        vendor->script(id(number), sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                                 "Content-Length: " +
                                                 std::to_string(body.size()) + "\r\n\r\n" + body});
    }
    void settle()
    {
        run_until([&] { return cache->misses().report().flights == 0; });
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: company");

TEST_CASE("company: what one listed key has fetched is a hit for another, byte for byte, also after a restart")
{
    company_harness w;
    answer first = w.get(w.path(1));
    for (int i = 0; i < 2; ++i)
    {
        answer a = w.other(w.path(1));
        CHECK(a.cache("hit") == "hit");
        CHECK(a.body == first.body);
        CHECK(w.other(w.path(1), {{"If-None-Match", a.header("etag")}}).status == 304);
        w.start();
    }
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("company: a key reads nothing until the vendor has accepted it, and nothing more once it is refused")
{
    company_harness w;
    w.get(w.path(1));
    const std::string wrong = sim::basic("key", "wrong"), late = sim::basic("other", "new secret");
    CHECK(w.get(w.path(1), only_kept, wrong).status == 504);
    CHECK(w.get(w.path(1), {}, wrong).status == 401);
    w.vendor->allow(late);
    CHECK(w.get(w.path(1), only_kept, late).status == 504);
    CHECK(w.get(w.path(2), {}, late).status == 200);
    CHECK(w.get(w.path(1), only_kept, late).status == 200);

    w.vendor->withdraw(other_authorization);
    CHECK(w.other(w.path(3)).status == 401);
    CHECK(w.other(w.path(1)).status == 401);
    CHECK(w.other(w.path(1), only_kept).status == 504);
    CHECK(w.get(w.path(1), only_kept).status == 200);
    CHECK(w.get(w.path(1), only_kept, late).status == 200);
    w.start();
    CHECK(w.other(w.path(1), only_kept).status == 504);
    CHECK(w.get(w.path(1), only_kept).status == 200);
}

TEST_CASE("company: an unlisted key sees nothing of it, and gives nothing to it")
{
    company_harness w;
    w.get(w.path(1));
    CHECK(w.get(w.path(1), only_kept, unlisted).status == 504);
    CHECK(w.get(w.path(1), {}, unlisted).cache("fwd") == "miss");
    w.get(w.path(2), {}, unlisted);
    CHECK(w.get(w.path(2), only_kept).status == 504);
    CHECK(w.get(w.path(2), only_kept, unlisted).status == 200);
}

TEST_CASE("company: a private call stays with the key that fetched it")
{
    company_harness w;
    REQUIRE(sim::call_catalogue::is_private(5));
    w.get(w.path(5));
    for (int i = 0; i < 2; ++i)
    {
        CHECK(w.get(w.path(5), only_kept).status == 200);
        CHECK(w.other(w.path(5), at_any_age).status == 504);
        w.start();
    }
    CHECK(w.other(w.path(5)).cache("fwd") == "miss");
    CHECK(w.other(w.path(5), only_kept).status == 200);
    CHECK(w.vendor->requests(w.id(5)) == 2);
}

TEST_CASE("company: a call that has become private is no longer shared, and one that no longer is is shared again")
{
    company_harness w;
    w.get(w.path(1));
    CHECK(w.other(w.path(1), only_kept).status == 200);
    w.make_private(1);
    w.clock.advance(400s);
    CHECK(w.get(w.path(1)).cache("detail") == "stale");  // and refreshed
    w.settle();
    CHECK(w.get(w.path(1), only_kept).body.find("\"isPrivate\":true") != std::string::npos);
    CHECK(w.other(w.path(1), at_any_age).status == 504);
    w.start();
    CHECK(w.other(w.path(1), at_any_age).status == 504);

    w.make_private(1, false);
    w.clock.advance(13min);
    CHECK(w.get(w.path(1)).cache("fwd") == "stale");
    CHECK(w.other(w.path(1), only_kept).status == 200);
    w.start();
    CHECK(w.other(w.path(1), only_kept).status == 200);
    CHECK(w.get(w.path(1), only_kept).body.find("\"isPrivate\":false") != std::string::npos);
}

TEST_CASE("company: one key's 404 is its own, until its own lookup finds the call")
{
    company_harness w;
    w.get(w.path(1));
    w.clock.advance(13min);
    w.vendor->remove(w.id(1));
    CHECK(w.other(w.path(1)).status == 404);
    w.vendor->remove(w.id(1), false);
    w.get(w.path(1));
    for (int i = 0; i < 2; ++i)
    {
        CHECK(w.other(w.path(1), only_kept).status == 404);
        CHECK(w.get(w.path(1), only_kept).status == 200);
        w.start();
    }
    w.clock.advance(30s);  // the 404 is over: it asks for itself
    CHECK(w.other(w.path(1), at_any_age).status == 504);
    std::size_t before = w.vendor->requests(w.id(1));
    CHECK(w.other(w.path(1)).status == 200);
    CHECK(w.vendor->requests(w.id(1)) == before + 1);
    w.start();
    CHECK(w.other(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("company: one key's 404 on a refresh leaves the others their entry")
{
    company_harness w;
    w.get(w.path(1));
    w.clock.advance(400s);
    w.vendor->remove(w.id(1));
    CHECK(w.other(w.path(1)).cache("detail") == "stale");
    w.settle();
    CHECK(w.other(w.path(1)).status == 404);
    CHECK(w.get(w.path(1), only_kept).status == 200);
}

TEST_CASE("company: a key that was told 403 reads nothing of the call, on any path, until it is told 200")
{
    company_harness w;
    w.vendor->forbid(other_authorization, w.id(1));
    w.get(w.path(1));
    w.clock.advance(13min);
    CHECK(w.other(w.path(1)).status == 403);
    w.get(w.path(1));

    auto check_hidden = [&] {
        std::size_t before = w.vendor->requests(w.id(1));
        CHECK(w.other(w.path(1), at_any_age).status == 504);
        CHECK(w.other(w.path(1)).status == 403);
        CHECK(w.other(w.path(1), {{"If-None-Match", "*"}}).status == 403);
        CHECK(w.vendor->requests(w.id(1)) <= before + 1);  // its own 403 is remembered for a while
        CHECK(w.get(w.path(1)).cache("hit") == "hit");
    };
    check_hidden();
    SUBCASE("after a restart")
    {
        w.start();
        check_hidden();
    }
    SUBCASE("evicted from memory, again and again")
    {
        w.config.cache.memory_max = 8 << 10;
        w.start();
        for (int round = 0; round < 3; ++round)
        {
            for (std::uint64_t n = 10; n < 40; ++n) w.get(w.path(n));
            check_hidden();
        }
    }
    SUBCASE("with no disk behind it")
    {
        w.config.cache.path = ":memory:";
        w.config.cache.memory_max = 8 << 10;
        w.start();
        CHECK(w.other(w.path(2)).status == 200);
        CHECK(w.other(w.path(1)).status == 403);
        for (std::uint64_t n = 10; n < 40; ++n) w.get(w.path(n));
        w.get(w.path(1));
        check_hidden();
        return;
    }
    SUBCASE("while the call is stale, and while the vendor is down")
    {
        w.clock.advance(400s);
        CHECK(w.other(w.path(1), at_any_age).status == 504);
        w.vendor->go_down();
        CHECK(w.other(w.path(1)).status == 502);
        CHECK(w.get(w.path(1)).status == 200);
        w.vendor->come_up();
    }
    SUBCASE("after a purge of the call, and a restart")
    {
        bool durable = false;
        w.cache->kept().purge(w.id(1), [&](bool good) { durable = good; });
        w.run_until([&] { return durable; });
        w.get(w.path(1));
        check_hidden();
        w.start();
        check_hidden();
    }
    w.vendor->forbid(other_authorization, w.id(1), false);
    w.clock.advance(1min);
    w.clock_runs = true;
    CHECK(w.other(w.path(1)).status == 200);
    CHECK(w.other(w.path(1)).cache("hit") == "hit");
    w.start();
    CHECK(w.other(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("company: a key whose first answer ever is 403 does not read that call once it is accepted")
{
    company_harness w;
    const std::string late = sim::basic("other", "new secret");
    w.vendor->allow(late);
    w.vendor->forbid(late, w.id(1));
    w.get(w.path(1));
    CHECK(w.get(w.path(1), {}, late).status == 403);
    CHECK(w.get(w.path(2), {}, late).status == 200);
    for (int i = 0; i < 2; ++i)
    {
        CHECK(w.get(w.path(1), at_any_age, late).status == 504);
        w.start();
    }
    CHECK(w.get(w.path(1), {}, late).status == 403);
}

TEST_CASE("company: a 403 takes a private call of the same key")
{
    company_harness w;
    w.get(w.path(5));
    w.vendor->forbid(authorization, w.id(5));
    w.clock.advance(13min);
    CHECK(w.get(w.path(5)).status == 403);
    CHECK(w.get(w.path(5), at_any_age).status == 504);
    w.start();
    CHECK(w.get(w.path(5), at_any_age).status == 504);
}

TEST_CASE("company: what goes stale is refreshed with the credential of whoever asks, once for all")
{
    company_harness w;
    w.get(w.path(1));
    w.clock.advance(400s);
    w.vendor->edit(w.id(1));
    CHECK(w.other(w.path(1)).cache("detail") == "stale");
    w.settle();
    CHECK(w.vendor->heads().back().find(other_authorization) != std::string::npos);
    answer a = w.get(w.path(1));
    CHECK(a.cache("hit") == "hit");
    CHECK(harness::call_of(a) == w.vendor->body(w.id(1)));
    CHECK(w.vendor->requests(w.id(1)) == 2);

    w.vendor->go_down();
    w.clock.advance(30min);
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.other(w.path(1)).status == 200);
}

TEST_CASE("company: two keys that miss at once are two lookups, and each is answered by its own")
{
    company_harness w;
    w.vendor->hold(w.id(1));
    tool one(w), two(w);
    one.send(w.request("GET", w.path(1)));
    two.send(w.request("GET", w.path(1), {}, other_authorization));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 2; });
    w.vendor->release(w.id(1));
    CHECK(one.read().status == 200);
    CHECK(two.read().status == 200);
}

TEST_CASE("company: with another first key it is another company, which finds nothing")
{
    company_harness w;
    w.get(w.path(1));
    w.config.credentials.company_keys = {"key", "third"};  // the other has left
    w.start();
    CHECK(w.other(w.path(1), at_any_age).status == 504);
    CHECK(w.get(w.path(1), only_kept).status == 200);
    w.config.credentials.company_keys = {"other"};
    w.start();
    CHECK(w.other(w.path(1), at_any_age).status == 504);
    CHECK(w.get(w.path(1), at_any_age).status == 504);
}

TEST_CASE("company: what a key kept before it shared anything stays its own, until its next lookup shares it")
{
    company_harness w;
    w.config.credentials.share = credentials_share::per_credential;
    w.config.credentials.company_keys = {};
    w.start();
    w.get(w.path(1));
    w.config.credentials.share = credentials_share::company;
    w.config.credentials.company_keys = {"key", "other"};
    w.start();
    CHECK(w.other(w.path(1), at_any_age).status == 504);
    CHECK(w.get(w.path(1), only_kept).status == 200);
    w.vendor->edit(w.id(1));
    w.clock.advance(13min);
    CHECK(w.get(w.path(1)).cache("fwd") == "stale");
    for (int i = 0; i < 2; ++i)
    {
        CHECK(w.other(w.path(1), only_kept).status == 200);
        CHECK(harness::call_of(w.get(w.path(1), only_kept)) == w.vendor->body(w.id(1)));
        w.start();
    }
}

TEST_CASE("company: what it kept is nobody's once the keys share nothing again")
{
    company_harness w;
    w.get(w.path(1));
    w.vendor->forbid(other_authorization, w.id(1));
    w.config.credentials.share = credentials_share::per_credential;
    w.config.credentials.company_keys = {};
    w.start();
    CHECK(w.get(w.path(1), at_any_age).status == 504);
    CHECK(w.other(w.path(1)).status == 403);
}

TEST_CASE("company: an injected credential whose key is listed is as good as any")
{
    harness w;
    w.config.credentials = {.mode = credentials_mode::inject, .access_key = "key", .access_key_secret = "secret"};
    w.config.credentials.share = credentials_share::company;
    w.config.credentials.company_keys = {"key"};
    w.start();
    for (std::uint64_t n : {1, 5, 207})  // a private call, and one that is a 404
    {
        answer first = w.get(w.path(n), {}, "");
        CHECK(w.get(w.path(n), only_kept, "").body == first.body);
    }
    w.start();
    CHECK(w.get(w.path(1), {}, "").cache("hit") == "hit");
    CHECK(w.vendor->requests() == 3);
}

TEST_SUITE_END();
