// Two tools with two credentials never see each other's entries, on any path that leads to one, unless the keys of both
// are listed as one company's.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

using listed = std::vector<std::string>;

struct pair_of_tools
{
    const char* what;
    credentials_share share;
    listed company_keys;
    std::string owner, stranger;
};

const std::string as_bearer = "Bearer" + authorization.substr(5);                // the same text, another scheme
const std::string not_whole = authorization.substr(0, authorization.find('='));  // some read it as the same

const std::vector<pair_of_tools> pairs{
    {"per_credential", credentials_share::per_credential, {}, authorization, other_authorization},
    {"company, one of the two listed", credentials_share::company, {"key"}, authorization, other_authorization},
    {"company, only the stranger listed", credentials_share::company, {"other"}, authorization, other_authorization},
    {"company, neither listed", credentials_share::company, {"third"}, authorization, other_authorization},
    {"company, a Bearer of the same text", credentials_share::company, {"key", "other"}, authorization, as_bearer},
    {"company, a Bearer's entries", credentials_share::company, {"key", "other"}, as_bearer, other_authorization},
    {"company, base64 that is not whole", credentials_share::company, {"key", "other"}, authorization, not_whole},
    {"per_credential, a value without a scheme, in other case", credentials_share::per_credential, {}, "AbCd", "aBcD"},
    {"per_credential, a tab behind the scheme", credentials_share::per_credential, {}, "Basic\tAbCd", "basic\tAbCd"},
    {"per_credential, another secret", credentials_share::per_credential, {}, authorization, sim::basic("key", "new")},
};

// The owner may read everything, the stranger nothing but call 100 and route /v2/users/100, which make the vendor
// accept it. Whatever the stranger gets for anything else is the owner's.
struct two_tools : harness
{
    explicit two_tools(const pair_of_tools& p) : owner(p.owner), stranger(p.stranger)
    {
        vendor_options.keys.clear();
        vendor_options.keys[owner] = vendor_options.keys[stranger] = {};
        config.credentials.share = p.share;
        config.credentials.company_keys = p.company_keys;
        config.cache.routes = {{"/v2/users/{id}", 1h, true}};
        start();
        trust_both();
    }
    void trust_both()
    {
        for (const std::string& as : {owner, stranger})
        {
            REQUIRE(get(path(100), {{"Cache-Control", "no-cache"}}, as).status == 200);
            REQUIRE(get("/v2/users/100", {{"Cache-Control", "no-cache"}}, as).status == 200);
        }
    }
    // The vendor knows no way to forbid a path to one key.
    answer as_stranger(const std::string& target, const fields& f = {}, const std::string& method = "GET")
    {
        return send(method, target, f, stranger);
    }
    void forbid(std::uint64_t number) { vendor->forbid(stranger, id(number)); }

    // The vendor's own 403, or callcache's word that there is nothing; asked in every way that could answer otherwise.
    void check_sees_nothing(std::uint64_t number)
    {
        std::string tag = get(path(number), {}, owner).header("etag");
        REQUIRE_FALSE(tag.empty());
        CHECK(as_stranger(path(number)).status == 403);
        CHECK(as_stranger(path(number), {}, "HEAD").status == 403);
        CHECK(as_stranger(path(number), {{"If-None-Match", tag}}).status == 403);
        CHECK(as_stranger(path(number), {{"If-None-Match", "*"}}).status == 403);
        CHECK(as_stranger(path(number), {{"Cache-Control", "max-stale"}}).status == 403);
        CHECK(as_stranger(path(number), {{"Cache-Control", "only-if-cached"}}).status == 504);
        CHECK(as_stranger(path(number), {{"Cache-Control", "only-if-cached, max-stale"}}).status == 504);
        CHECK(as_stranger("/@etl" + path(number)).status == 403);
    }

    const std::string owner, stranger;
};

template<class Claim>
void for_each_pair(Claim claim)
{
    for (const pair_of_tools& p : pairs)
    {
        CAPTURE(p.what);
        two_tools w(p);
        claim(w);
    }
}

}  // namespace

TEST_SUITE_BEGIN("scenario: isolation");

TEST_CASE("isolation: no hit, fresh or stale, from memory or from the disk, before or after a restart")
{
    for_each_pair([](two_tools& w) {
        w.forbid(1);
        w.check_sees_nothing(1);
        w.clock.advance(400s);  // stale, within its window
        w.check_sees_nothing(1);
        w.clock.advance(13h);  // beyond it
        w.trust_both();
        CHECK(w.as_stranger(w.path(1), {{"Cache-Control", "max-stale"}}).status == 403);
        w.check_sees_nothing(1);
        w.start();
        w.check_sees_nothing(1);
    });
}

TEST_CASE("isolation: what is evicted from memory and comes back from the disk is the owner's alone")
{
    for_each_pair([](two_tools& w) {
        w.config.cache.memory_max = 8 << 10;
        w.start();
        w.forbid(1);
        for (std::uint64_t n = 1; n < 40; ++n) w.get(w.path(n), {}, w.owner);
        for (int i = 0; i < 3; ++i) w.check_sees_nothing(1);
    });
}

TEST_CASE("isolation: no fallback while the vendor is down")
{
    for_each_pair([](two_tools& w) {
        w.get(w.path(1), {}, w.owner);
        w.vendor->go_down();
        CHECK(w.as_stranger(w.path(1)).status == 502);
        w.clock.advance(3h);  // stale_if_error
        CHECK(w.get(w.path(1), {}, w.owner).status == 200);
        CHECK(w.as_stranger(w.path(1)).status == 502);
        CHECK(w.as_stranger(w.path(1), {{"Cache-Control", "max-stale, only-if-cached"}}).status == 504);
        w.start();
        CHECK(w.get(w.path(1), {}, w.owner).status == 200);
        CHECK(w.as_stranger(w.path(1)).status == 502);
    });
}

TEST_CASE("isolation: no answer of another's lookup, whoever asks first, and none of another's refresh")
{
    for_each_pair([](two_tools& w) {
        w.forbid(1);
        w.vendor->hold(w.id(1));
        tool one(w), two(w), again(w);
        one.send(w.request("GET", w.path(1), {}, w.owner));
        two.send(w.request("GET", w.path(1), {}, w.stranger));
        again.send(w.request("GET", w.path(1), {}, w.owner));
        w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 3; });
        w.vendor->release(w.id(1));
        CHECK(one.read().status == 200);
        CHECK(again.read().status == 200);
        answer a = two.read();
        CHECK(a.status == 403);
        CHECK(a.cache("collapsed") == "");
        CHECK(w.vendor->requests(w.id(1)) == 2);

        w.clock.advance(400s);  // stale: refreshed for the owner, while the stranger asks
        w.vendor->edit(w.id(1));
        w.vendor->hold(w.id(1));
        CHECK(w.get(w.path(1), {}, w.owner).cache("hit") == "hit");
        w.run_until([&] { return w.vendor->requests(w.id(1)) == 3; });
        tool late(w);
        late.send(w.request("GET", w.path(1), {}, w.stranger));
        w.run_until([&] { return w.vendor->requests(w.id(1)) == 4; });
        w.vendor->release(w.id(1));
        CHECK(late.read().status == 403);
    });
}

TEST_CASE("isolation: one's 404 is not another's, and does not take what another has")
{
    for_each_pair([](two_tools& w) {
        w.vendor->remove(w.id(2));
        CHECK(w.get(w.path(2), {}, w.owner).status == 404);
        w.vendor->remove(w.id(2), false);
        CHECK(w.get(w.path(2), {}, w.owner).cache("detail") == "negative");
        CHECK(w.as_stranger(w.path(2)).status == 200);

        CHECK(w.get(w.path(3), {}, w.owner).status == 200);
        w.vendor->remove(w.id(3));
        CHECK(w.as_stranger(w.path(3)).status == 404);
        CHECK(w.get(w.path(3), {}, w.owner).cache("hit") == "hit");
        w.start();
        CHECK(w.get(w.path(3), {}, w.owner).cache("hit") == "hit");
    });
}

TEST_CASE("isolation: one's 401 and 403 take nothing from another, and one's trust is not another's")
{
    for_each_pair([](two_tools& w) {
        w.get(w.path(1), {}, w.owner);
        w.forbid(1);
        CHECK(w.as_stranger(w.path(1)).status == 403);
        CHECK(w.get(w.path(1), {}, w.owner).cache("hit") == "hit");
        w.vendor->withdraw(w.stranger);
        CHECK(w.as_stranger(w.path(4)).status == 401);
        CHECK(w.as_stranger(w.path(1)).status == 401);
        CHECK(w.as_stranger(w.path(1), {{"Cache-Control", "only-if-cached"}}).status == 504);
        CHECK(w.get(w.path(1), {}, w.owner).cache("hit") == "hit");
    });
}

TEST_CASE("isolation: kept routes are each credential's own, whatever is shared of calls")
{
    auto all = pairs;
    all.push_back(
        {"company, both listed", credentials_share::company, {"key", "other"}, authorization, other_authorization});
    for (const pair_of_tools& p : all)
    {
        CAPTURE(p.what);
        two_tools w(p);
        std::size_t before = w.vendor->requests();
        std::string tag = w.get("/v2/users/1", {}, w.owner).header("etag");
        CHECK(w.as_stranger("/v2/users/1", {{"Cache-Control", "only-if-cached"}}).status == 504);
        CHECK(w.as_stranger("/v2/users/1", {{"If-None-Match", tag}, {"Cache-Control", "only-if-cached"}}).status ==
              504);
        CHECK(w.as_stranger("/v2/users/1").cache("fwd") == "miss");
        CHECK(w.vendor->requests() == before + 2);

        w.vendor->hold("/v2/users/2");
        tool one(w), two(w);
        one.send(w.request("GET", "/v2/users/2", {}, w.owner));
        two.send(w.request("GET", "/v2/users/2", {}, w.stranger));
        w.run_until([&] { return w.cache->misses().waiting("/v2/users/2") == 2; });
        w.vendor->release("/v2/users/2");
        CHECK(one.read().cache("collapsed") == "");
        CHECK(two.read().cache("collapsed") == "");

        w.get("/v2/users/3", {}, w.owner);
        w.clock.advance(70min);  // stale
        w.trust_both();
        CHECK(w.as_stranger("/v2/users/3", {{"Cache-Control", "only-if-cached, max-stale"}}).status == 504);
        w.start();
        CHECK(w.as_stranger("/v2/users/3", {{"Cache-Control", "only-if-cached, max-stale"}}).status == 504);
        w.vendor->go_down();
        CHECK(w.as_stranger("/v2/users/3").status == 502);
        CHECK(w.get("/v2/users/3", {}, w.owner).status == 200);
    }
}

TEST_SUITE_END();
