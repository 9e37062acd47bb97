#include "server/http/cache_status.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("cache_status: every parameter, in RFC 9211's spelling")
{
    CHECK(to_field({.hit = true, .ttl = 299, .detail = "hit"}) == "callcache; hit; ttl=299; detail=hit");
    CHECK(to_field({.hit = true, .ttl = -5, .detail = "stale"}) == "callcache; hit; ttl=-5; detail=stale");
    CHECK(to_field({.hit = true, .ttl = 0}) == "callcache; hit; ttl=0");
    CHECK(to_field({.forwarded = "uri-miss", .forwarded_status = 200, .stored = true, .ttl = 300, .detail = "miss"}) ==
          "callcache; fwd=uri-miss; fwd-status=200; ttl=300; stored; detail=miss");
    CHECK(to_field({.forwarded = "stale", .collapsed = true, .detail = "collapsed"}) ==
          "callcache; fwd=stale; collapsed; detail=collapsed");
    CHECK(to_field({}) == "callcache");
}
