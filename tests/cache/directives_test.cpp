#include "cache/directives.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

directives cache_control(std::string_view field)
{
    directives d;
    read_cache_control(d, field);
    return d;
}

std::optional<duration> wait(std::string_view field)
{
    directives d;
    read_prefer(d, field);
    return d.wait;
}

constexpr duration most = std::chrono::seconds(2147483648);

}  // namespace

TEST_CASE("directives: each is read, in any case and with any white space")
{
    CHECK(cache_control("no-cache").no_cache);
    CHECK(cache_control("No-Cache").no_cache);
    CHECK(cache_control("no-store").no_store);
    CHECK(cache_control("only-if-cached").only_if_cached);
    CHECK(cache_control("max-age=60").max_age == 60s);
    CHECK(cache_control("MAX-AGE=0").max_age == 0s);
    CHECK(cache_control("min-fresh=5").min_fresh == 5s);
    CHECK(cache_control("max-stale=7").max_stale == 7s);
    CHECK(cache_control("max-stale").max_stale == duration::max());
    CHECK(cache_control("max-age=\"60\"").max_age == 60s);
    directives all = cache_control(" no-cache ,\tno-store,,max-age=1 , only-if-cached,");
    CHECK(all.no_cache);
    CHECK(all.no_store);
    CHECK(all.max_age == 1s);
    CHECK(all.only_if_cached);
}

TEST_CASE("directives: several fields add up")
{
    directives d;
    read_cache_control(d, "no-cache");
    read_cache_control(d, "max-stale=3");
    CHECK(d.no_cache);
    CHECK(d.max_stale == 3s);
}

TEST_CASE("directives: what is not understood is ignored")
{
    for (std::string field :
         {"", ",", " , ,", "=", "=no-cache", "public", "no-cachex", "xno-cache", "no cache", "foo=no-cache",
          "foo=\"no-cache, no-store\"", "\"no-cache\"", "s-maxage=5", "no-cache-please", "no_cache"})
    {
        CAPTURE(field);
        directives d = cache_control(field);
        CHECK_FALSE(d.no_cache);
        CHECK_FALSE(d.no_store);
        CHECK_FALSE(d.only_if_cached);
        CHECK_FALSE(d.max_age);
    }
    for (std::string field : {"max-age", "max-age=", "max-age=-1", "max-age=+1", "max-age=1.5", "max-age=abc",
                              "max-age=1x", "max-age=0x10", "max-age=1 2", "max-age=\"\"", "max-age=\"1"})
    {
        CAPTURE(field);
        CHECK_FALSE(cache_control(field).max_age);
    }
    CHECK_FALSE(cache_control("max-stale=abc").max_stale);
    CHECK(cache_control("foo, no-cache, bar=baz").no_cache);
}

TEST_CASE("directives: a value that is not understood does not undo one that was")
{
    CHECK(cache_control("max-age=10, max-age=soon").max_age == 10s);
    CHECK(cache_control("min-fresh=10, min-fresh").min_fresh == 10s);
}

TEST_CASE("directives: a quoted string may hold an escaped quote (RFC 9110, section 5.6.4)")
{
    CHECK_FALSE(cache_control(R"(foo="a\", no-cache, \"b")").no_cache);
    CHECK(cache_control(R"(foo="\"", no-cache)").no_cache);
}

TEST_CASE("directives: a number that is too large counts as 2^31 (RFC 9111, section 1.2.2)")
{
    for (std::string field : {"max-age=2147483648", "max-age=2147483649", "max-age=9223372036854775807",
                              "max-age=99999999999999999999999999"})
    {
        CAPTURE(field);
        CHECK(cache_control(field).max_age == most);
    }
}

TEST_CASE("directives: Pragma knows no-cache alone")
{
    directives d;
    read_pragma(d, "no-store, max-age=5, foo");
    CHECK_FALSE(d.no_cache);
    CHECK_FALSE(d.no_store);
    CHECK_FALSE(d.max_age);
    read_pragma(d, "foo=bar, No-Cache");
    CHECK(d.no_cache);
}

TEST_CASE("directives: Prefer tells how long the tool will wait, and the first counts (RFC 7240, section 2)")
{
    CHECK(wait("wait=40") == 40s);
    CHECK(wait("WAIT = 40") == 40s);
    CHECK(wait("wait=\"40\"") == 40s);
    CHECK(wait("wait=0") == 0s);
    CHECK(wait("respond-async, wait=10") == 10s);
    CHECK(wait("return=minimal; foo=\"bar\", wait=10; x=y") == 10s);
    CHECK(wait("wait=10, wait=20") == 10s);
    CHECK(wait("wait=99999999999999999999") == most);
    for (std::string field : {"", "wait", "wait=", "wait=-1", "wait=soon", "wait=1.5", "await=1", "respond-async",
                              "foo=\"wait=3, wait=4\"", "handling=lenient"})
    {
        CAPTURE(field);
        CHECK_FALSE(wait(field));
    }
}

TEST_CASE("directives: Priority of 6 and 7 is background work, the last one counts (RFC 9218, section 4.1)")
{
    auto is_background = [](std::string_view field) {
        directives d;
        read_priority(d, field);
        return d.background;
    };
    for (std::string field :
         {"u=6", "u=7", "u=7, i", "i, u=6", " u = 7 ", "foo=\"u=1, u=2\", u=7", "u=3, u=7", "u=7;x=1", "u=6;x, i;y"})
    {
        CAPTURE(field);
        CHECK(is_background(field));
    }
    for (std::string field : {"", "i", "u", "u=", "u=0", "u=3", "u=5", "u=8", "u=-6", "u=66", "u=6.5", "u=7, u=3",
                              "x=7", "uu=7", "foo=\"a, u=7\"", "i=7", "7", "u7"})
    {
        CAPTURE(field);
        CHECK_FALSE(is_background(field));
    }
}
