#include "server/front/route.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;

namespace
{

bool is(std::string target, route what, std::string call_id = "", std::string tool = "", std::string rest = "")
{
    CAPTURE(target);
    routed r = route_target(target, true, {});
    CHECK(int(r.what) == int(what));
    CHECK(r.name == call_id);
    CHECK(r.tool == tool);
    CHECK(r.target == (rest.empty() ? target : rest));
    return true;
}

}  // namespace

TEST_CASE("route: a call id of 1 to 20 digits is a lookup")
{
    is("/v2/calls/1", route::lookup, "1");
    is("/v2/calls/0", route::lookup, "0");
    is("/v2/calls/007", route::lookup, "007");
    is("/v2/calls/7782342274025937895", route::lookup, "7782342274025937895");
    is("/v2/calls/99999999999999999999", route::lookup, "99999999999999999999");
}

TEST_CASE("route: what cannot be a call id is refused")
{
    for (std::string id : {"undefined",
                           "UNDEFINED",
                           "Undefined",
                           "null",
                           "NULL",
                           "Null",
                           "none",
                           "None",
                           "nan",
                           "NaN",
                           "12ab",
                           "ab12",
                           "a1-b",
                           "100000000000000000000",
                           "999999999999999999999",
                           "%31",
                           "%31%32",
                           "1%32",
                           "12%20",
                           "%00",
                           "+1",
                           "-1",
                           "1.0",
                           "1,2",
                           "1;x",
                           "1:2",
                           "0x1f",
                           "1e3",
                           "1_000",
                           "$id",
                           "{id}",
                           "%7Bid%7D",
                           ":id",
                           "<id>",
                           "[object%20Object]",
                           "..",
                           ".",
                           "1#x",
                           "@1",
                           "*",
                           "~",
                           "call_1"})
        is("/v2/calls/" + id, route::bad_id, id);
}

TEST_CASE("route: a bad id is one also with a query or more path behind it")
{
    is("/v2/calls/undefined?x=1", route::bad_id, "undefined");
    is("/v2/calls/null/media", route::bad_id, "null");
    is("/v2/calls/12ab/", route::bad_id, "12ab");
}

TEST_CASE("route: the vendor's own words go upstream")
{
    for (std::string target :
         {"/v2/calls/extensive", "/v2/calls/transcript", "/v2/calls/users-access", "/v2/calls/manual-crm-associations",
          "/v2/calls/next-new-word", "/v2/calls/Extensive", "/v2/calls/extensive?x", "/v2/calls/nullable",
          "/v2/calls/nano", "/v2/calls/not-null", "/v2/calls/x"})
        is(target, route::pass);
}

TEST_CASE("route: what only resembles a lookup goes upstream")
{
    for (std::string target : {"/v2/calls/1/",   "/v2/calls/1?x", "/v2/calls/1?", "/v2/calls/1/media",
                               "/v2/calls/1/?x", "/v2/calls",     "/v2/calls/",   "/v2/calls?x=1",
                               "/v2/calls/?x=1", "/v2/calls//1",  "/v2/Calls/1",  "/v3/calls/1",
                               "/v2/callsx/1",   "/v2/calls1",    "/v2/users/12", "/v2/crm/entities?x=/v2/calls/1",
                               "/v2/%63alls/1",  "/v2/calls%2F1", "/v2//calls/1", "/v12/x"})
        is(target, route::pass);
}

TEST_CASE("route: a path that is none of Gong's is not handed on, whatever the method")
{
    for (std::string target :
         {"/", "/?/v2/calls/1", "/calls/1", "//v2/calls/1", "//evil.example/v2/calls/1", "/v2", "/v2?x=/v2/calls/1",
          "/v2/", "/v2/?x", "/v2/v2/calls/1", "/v2/v1", "/V2/calls/1", "/v/calls/1", "/v2x/calls/1", "/%762/calls/1",
          "/v2%2fcalls/1", "/v2\\calls\\1", "/x/v2/calls/1", "/healthz"})
    {
        is(target, route::elsewhere);
        CHECK(route_target(target, false, {}).what == route::elsewhere);
        CHECK(route_target("/@etl" + target, true, {}).what == route::elsewhere);
    }
    CHECK(route_target("/@etl/@agent/v2/calls/1", true, {}).what == route::elsewhere);
    const std::vector<route_settings> all{{"/**", std::chrono::hours(1)}};
    CHECK(route_target("/users", true, all).what == route::elsewhere);
}

TEST_CASE("route: the base URL that a tool should have keeps its name, and says whether /v2 is part of it")
{
    auto told = [](std::string_view target) { return right_base_url(route_target(target, true, {}), "http://h:1"); };
    CHECK(told("/calls/1").starts_with("http://h:1, or http://h:1/v2 for"));
    CHECK(told("/@etl/calls/1").starts_with("http://h:1/@etl, or http://h:1/@etl/v2 for"));
    for (const char* target : {"//v2/calls/1", "/v2/v2/calls/1", "///v3/x", "/v2"})
        CHECK(told(target) == "http://h:1, without a slash or /v2 behind it");
    CHECK(told("/@etl/v2/v2/x") == "http://h:1/@etl, without a slash or /v2 behind it");
    CHECK(told("/").starts_with("http://h:1, or "));
}

TEST_CASE("route: only GET and HEAD look up")
{
    for (std::string target :
         {"/v2/calls/1", "/v2/calls/12ab", "/v2/calls/undefined", "/v2/calls/extensive", "/v2/calls"})
    {
        CAPTURE(target);
        routed r = route_target(target, false, {});
        CHECK(r.what == route::pass);
        CHECK(r.target == target);
        CHECK(r.name.empty());
    }
    CHECK(route_target("/@etl/v2/calls/1", false, {}).tool == "etl");
    CHECK(route_target("/@etl/v2/calls/1", false, {}).target == "/v2/calls/1");
}

TEST_CASE("route: a tool's name is taken off the front")
{
    is("/@etl/v2/calls/12", route::lookup, "12", "etl", "/v2/calls/12");
    is("/@My_Tool-1.2/v2/calls", route::pass, "", "My_Tool-1.2", "/v2/calls");
    for (const char* alone : {"/@etl/", "/@etl", "/@etl?x", "/@etl?/v2/calls/1"})
        is(alone, route::elsewhere, "", "etl", "/");
    is("/@etl/v2/calls/12ab", route::bad_id, "12ab", "etl", "/v2/calls/12ab");
    is("/@etl/v2/calls/1?x=/@y", route::pass, "", "etl", "/v2/calls/1?x=/@y");
    std::string longest(64, 'x');
    is("/@" + longest + "/v2/calls/12", route::lookup, "12", longest, "/v2/calls/12");
}

TEST_CASE("route: the asterisk of OPTIONS is no lookup, and no tool's name")
{
    CHECK(route_target("*", false, {}).what == route::pass);
    CHECK(route_target("*", false, {}).target == "*");
    CHECK(route_target("*", true, {}).what == route::bad_target);
}

TEST_CASE("route: what cannot be a tool's name, or a path, is not handed on")
{
    for (std::string target : {"/@/v2/calls/1", "/@a b/v2/calls/1", "/@a%20b/v2/calls/1", "/@a,b/v2", "/@a@b/v2", "**",
                               "", "v2/calls/1", "http://localhost/v2/calls/1", "?x", "@etl/v2/calls/1"})
    {
        CAPTURE(target);
        CHECK(route_target(target, true, {}).what == route::bad_target);
        CHECK(route_target(target, false, {}).what == route::bad_target);
    }
    CHECK(route_target("/@" + std::string(65, 'x') + "/v2/calls/1", true, {}).what == route::bad_target);
}

TEST_CASE("route: a GET of one of cache.routes is kept, with its query")
{
    const std::vector<route_settings> routes{{"/v2/users/{id}", std::chrono::hours(1)},
                                             {"/v2/library/**", std::chrono::hours(2)},
                                             {"/v2/calls/{id}", std::chrono::hours(3)}};
    auto kept = [&](std::string_view target, bool get = true) {
        routed r = route_target(target, get, routes);
        CHECK((r.what == route::kept) == (r.kept_by != nullptr));
        return r.what == route::kept ? std::string(r.name) : "";
    };
    CHECK(kept("/v2/users/5") == "/v2/users/5");
    CHECK(kept("/@etl/v2/users/5?a=%2F&b=..") == "/v2/users/5?a=%2F&b=..");
    CHECK(kept("/v2/library/a/b") == "/v2/library/a/b");
    CHECK(route_target("/v2/library/a", true, routes).kept_by == &routes[1]);
    CHECK(kept("/v2/users/5", false) == "");
    CHECK(kept("/v2/users") == "");
    CHECK(kept("/v2/users/%35") == "");  // it could be written in two ways
    CHECK(kept("/v2/users/" + std::string(2100, '5')) == "");
}

TEST_CASE("route: a call's lookup and a mistaken id are what they are, whatever cache.routes says")
{
    const std::vector<route_settings> routes{{"/v2/calls/{id}", std::chrono::hours(3)}};
    CHECK(route_target("/v2/calls/5", true, routes).what == route::lookup);
    CHECK(route_target("/v2/calls/undefined", true, routes).what == route::bad_id);
    CHECK(route_target("/v2/calls/5?x", true, routes).what == route::kept);
    CHECK(route_target("/v2/calls/transcript", true, routes).what == route::kept);
}

TEST_CASE("route: an encoded slash in a kept path is refused, in another it passes")
{
    const std::vector<route_settings> routes{{"/v2/users/{id}", std::chrono::hours(1)}};
    for (const char* target : {"/v2/users/a%2Fb", "/v2/users/a%2fb", "/v2/users/%5c"})
        CHECK(route_target(target, true, routes).what == route::bad_target);
    CHECK(route_target("/v2/logs/a%2Fb", true, routes).what == route::pass);
    CHECK(route_target("/v2/users/a%2Fb", false, routes).what == route::pass);
}
