#include "config/route_table.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

TEST_CASE("routes: what is refused is named by its entry and its member")
{
    CHECK(wrong_in_routes(R"([{"path": "/v2/a", "fresh": "1h", "override": true}])") == "");
    CHECK(wrong_in_routes("not json") == "");
    CHECK(wrong_in_routes(R"([{"path": "/v2/a", "fresh": "1h"}, "/v2/b"])") == "entry 2 is no object");
    CHECK(wrong_in_routes(R"([{"path": "/v2/a"}])") == "entry 1 has no fresh");
    CHECK(wrong_in_routes(R"([{"fresh": "1h"}])") == "entry 1 has no path");
    CHECK(wrong_in_routes(R"([{"path": "v2/a", "fresh": "1h"}])") == "entry 1: path has a value that is not allowed");
    CHECK(wrong_in_routes(R"([{"path": "/v2/a", "fresh": "31d"}])") ==
          "entry 1: fresh has a value that is not allowed");
    CHECK(wrong_in_routes(R"([{"path": "/v2/a", "fresh": "1h", "override": "yes"}])") ==
          "entry 1: override has a value that is not allowed");
    CHECK(wrong_in_routes(R"([{"path": "/v2/a", "path": "/v2/a", "fresh": "1h"}])") ==
          "entry 1: path stands there twice");
}

TEST_CASE("routes: each part is read, and override may be left out")
{
    auto routes = read_routes(R"([{"path": "/v2/users/{id}", "fresh": "1h"},
                                  {"fresh": "1d", "override": true, "path": "/v2/library/**"}])");
    REQUIRE(routes);
    REQUIRE(routes->size() == 2);
    CHECK(routes->at(0).path == "/v2/users/{id}");
    CHECK(routes->at(0).fresh == 1h);
    CHECK_FALSE(routes->at(0).overrides);
    CHECK(routes->at(1).fresh == 24h);
    CHECK(routes->at(1).overrides);
    CHECK(show_routes(*read_routes(show_routes(*routes))) == show_routes(*routes));
    CHECK(read_routes("[]")->empty());
}

TEST_CASE("routes: what is not of the form is refused")
{
    auto route = [](std::string path) { return "[{\"path\": \"" + path + "\", \"fresh\": \"1h\"}]"; };
    for (const char* path : {"/v2/users", "/v2/calls", "/v2/a-b_c.d~e", "/{x}", "/**", "/v2/{a}/b/{c}/**", "/v2/x:y@z"})
    {
        CAPTURE(path);
        CHECK(read_routes(route(path)));
    }
    for (const char* path : {"",
                             "/",
                             "v2/users",
                             "/v2/users/",
                             "//v2",
                             "/v2//users",
                             "/v2/users?x=1",
                             "/v2/%41",
                             "/v2/..",
                             "/v2/./x",
                             "/v2/**/x",
                             "/v2/x**",
                             "/v2/*",
                             "/v2/{}",
                             "/v2/{a",
                             "/v2/a}",
                             "/v2/x{a}",
                             "/v2/{a}{b}",
                             "/v2/{..}",
                             "/v2/a b",
                             "/v2/#",
                             "https://api.gong.io/v2/users"})
    {
        CAPTURE(path);
        CHECK_FALSE(read_routes(route(path)));
    }
    for (const char* json :
         {"", "{}", "[1]", "[[]]", "[{}]", R"([{"path": "/v2/users"}])", R"([{"fresh": "1h"}])",
          R"([{"path": "/v2/users", "fresh": "1h", "x": 1}])", R"([{"path": "/v2/users", "fresh": 3600}])",
          R"([{"path": "/v2/users", "fresh": "999ms"}])", R"([{"path": "/v2/users", "fresh": "31d"}])",
          R"([{"path": "/v2/users", "fresh": "1h", "override": "yes"}])",
          R"([{"path": "/v2/users", "path": "/v2/users", "fresh": "1h"}])",
          R"([{"path": "/v2/users", "fresh": "1h"}, {"path": "/v2/users", "fresh": "2h"}])"})
    {
        CAPTURE(json);
        CHECK_FALSE(read_routes(json));
    }
    CHECK_FALSE(read_routes(std::string(1'000'000, '[')));
}

TEST_CASE("routes: {name} is one segment, ** the rest, and everything else stands for itself")
{
    struct row
    {
        const char *pattern, *path;
        bool is;
    };
    for (const row& r : {row{"/v2/users", "/v2/users", true},
                         {"/v2/users", "/v2/users/", false},
                         {"/v2/users", "/v2/usersx", false},
                         {"/v2/users", "/v2/Users", false},
                         {"/v2/users", "/v2", false},
                         {"/v2/users/{id}", "/v2/users/5", true},
                         {"/v2/users/{id}", "/v2/users/", false},
                         {"/v2/users/{id}", "/v2/users", false},
                         {"/v2/users/{id}", "/v2/users/5/x", false},
                         {"/v2/users/{id}", "/v2/users//", false},
                         {"/v2/{a}/x/{b}", "/v2/1/x/2", true},
                         {"/v2/{a}/x/{b}", "/v2/1/y/2", false},
                         {"/v2/library/**", "/v2/library/a", true},
                         {"/v2/library/**", "/v2/library/a/b/c", true},
                         {"/v2/library/**", "/v2/library/", false},
                         {"/v2/library/**", "/v2/library", false},
                         {"/**", "/x", true},
                         {"/**", "/", false},
                         {"/v2/users", "", false},
                         {"/v2/users", "*", false}})
    {
        CAPTURE(r.pattern);
        CAPTURE(r.path);
        CHECK(is_path_of(r.pattern, r.path) == r.is);
    }
}

TEST_CASE("routes: one that can never be of a request is told, with the reason")
{
    auto told = [](std::vector<std::string> paths) {
        std::vector<route_settings> routes;
        for (std::string& path : paths) routes.push_back({std::move(path), 1h});
        return useless_route(routes).value_or("");
    };
    for (const char* path :
         {"/v2/users", "/v2/users/{id}", "/v12/x", "/v2/calls", "/v2/calls/**", "/v2/calls/users-access",
          "/v2/calls/{id}/media", "/v2/calls/1/media", "/{version}/users", "/**", "/{v}/**", "/v2/**", "/v2/v2x"})
    {
        CAPTURE(path);
        CHECK(told({path}) == "");
    }
    for (auto [path, why] : {std::pair{"/users/{id}", "begin with /v2/"},
                             {"/v/users", "begin with /v2/"},
                             {"/V2/users", "begin with /v2/"},
                             {"/v2x/users", "begin with /v2/"},
                             {"/v2", "have more behind"},
                             {"/{x}", "have more behind"},
                             {"/v2/v2/users", "have one /v2/"},
                             {"/@etl/v2/users", "a tool's name"},
                             {"/v2/calls/{id}", "kept without a route"},
                             {"/v2/calls/123", "kept without a route"},
                             {"/v2/calls/12ab", "kept without a route"}})
    {
        CAPTURE(path);
        CHECK(told({path}).find(why) != std::string::npos);
    }
    for (auto [wide, narrow] : {std::pair{"/v2/users/{id}", "/v2/users/{name}"},
                                {"/v2/users/{id}", "/v2/users/5"},
                                {"/v2/**", "/v2/users/{id}"},
                                {"/v2/{a}/**", "/v2/users/**"},
                                {"/**", "/v2/users"}})
    {
        CAPTURE(wide);
        CHECK(told({wide, narrow}).find(std::string(wide) + "\" stands before it") != std::string::npos);
        if (told({wide}).empty() && std::string(narrow) != "/v2/users/{name}") CHECK(told({narrow, wide}) == "");
    }
    for (auto [first, second] : {std::pair{"/v2/users/{id}", "/v2/users/**"},
                                 {"/v2/users/{id}", "/v2/users"},
                                 {"/v2/users", "/v2/users/{id}"},
                                 {"/v2/users/5", "/v2/users/6"}})
        CHECK(told({first, second}) == "");
}
