#include "server/http/request.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

request_or_refusal read(std::string_view method, std::string_view target, std::vector<field_view> fields = {},
                        int minor = 1)
{
    fields.insert(fields.begin(), {"Host", "localhost:4664"});
    return read_request({.method = method, .target = target, .minor = minor, .fields = fields});
}

request good(std::string_view target, std::vector<field_view> fields = {}, int minor = 1)
{
    auto r = read("GET", target, std::move(fields), minor);
    CHECK_FALSE(r.refused);
    return r.good;
}

// The fields live as long as the question, as a request holds views of them.
bool has(std::string_view etag, std::vector<field_view> fields)
{
    fields.insert(fields.begin(), {"Host", "localhost:4664"});
    auto r = read_request({.method = "GET", .target = "/", .fields = fields});
    CHECK_FALSE(r.refused);
    return r.good.has(etag);
}

unsigned status(const request_or_refusal& r)
{
    return r.refused ? r.refused->status : 0;
}

bool keeps_alive(int minor, std::vector<field_view> fields)
{
    return good("/", std::move(fields), minor).keep_alive;
}

}  // namespace

TEST_CASE("request: what matters is taken from the head")
{
    request r = good("/v2/calls/1?x", {{"AUTHORIZATION", "Basic YTpi"},
                                       {"If-None-Match", "\"a\""},
                                       {"User-Agent", "curl/8"},
                                       {"Origin", "null"},
                                       {"Sec-Fetch-Site", "cross-site"},
                                       {"Content-Length", "5"},
                                       {"Cache-Control", "max-age=5"},
                                       {"Prefer", "wait=7"}});
    CHECK(r.is_get());
    CHECK_FALSE(r.is_head());
    CHECK(r.target == "/v2/calls/1?x");
    CHECK(r.host == "localhost:4664");
    CHECK_FALSE(r.absolute);
    CHECK(r.has_authorization);
    CHECK(r.authorization == "Basic YTpi");
    CHECK(r.has_if_none_match);
    CHECK(r.user_agent == "curl/8");
    CHECK(r.origin == "null");
    CHECK(r.sec_fetch_site == "cross-site");
    CHECK(int(r.body.what) == int(framing::kind::length));
    CHECK(r.body.length == 5);
    CHECK(r.asked.max_age == 5s);
    CHECK(r.asked.wait == 7s);
    CHECK_FALSE(good("/").has_authorization);
    CHECK(good("/", {{"Authorization", ""}}).has_authorization);
}

TEST_CASE("request: a target in absolute form names the host that counts")
{
    struct
    {
        std::string target, host, path;
    } cases[] = {
        {"http://localhost:4664/v2/calls/1", "localhost:4664", "/v2/calls/1"},
        {"http://evil.example/v2/calls/1?x=http://y/", "evil.example", "/v2/calls/1?x=http://y/"},
        {"https://api.gong.io/", "api.gong.io", "/"},
        {"http://api.gong.io", "api.gong.io", "/"},
        {"http://[::1]:80/x", "[::1]:80", "/x"},
        {"HTTP://localhost/x", "localhost", "/x"},
        {"hTTps://localhost/x", "localhost", "/x"},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.target);
        request r = good(c.target);
        CHECK(r.absolute);
        CHECK(r.host == c.host);
        CHECK(r.target == c.path);
    }
}

TEST_CASE("request: a target that is no path is refused")
{
    for (std::string target :
         {"v2/calls/1", "*", "", "localhost:4664", "ftp://host/", "http:/host/", "http://", "http:///v2/calls/1",
          "http://user@host/", "http://user:pw@host/", "http://ho st/", "http://a:b:c/", "http://host:99999/",
          "http://[::1/", "http://host#x", "?x", "#", "mailto:x"})
    {
        CAPTURE(target);
        CHECK(status(read("GET", target)) == 400);
    }
}

TEST_CASE("request: OPTIONS may ask of the server as a whole, and nobody else")
{
    auto r = read("OPTIONS", "*");
    CHECK_FALSE(r.refused);
    CHECK(r.good.target == "*");
    CHECK(status(read("GET", "*")) == 400);
    CHECK(status(read("options", "*")) == 400);
}

TEST_CASE("request: CONNECT is not offered")
{
    for (std::string target : {"api.gong.io:443", "/", "http://api.gong.io/", "*"})
    {
        CAPTURE(target);
        CHECK(status(read("CONNECT", target)) == 405);
    }
}

TEST_CASE("request: a repeated Authorization is refused, even if it says the same")
{
    CHECK(status(read("GET", "/", {{"Authorization", "Basic a"}, {"authorization", "Basic a"}})) == 400);
    CHECK(status(read("GET", "/", {{"Authorization", ""}, {"Authorization", "Basic a"}})) == 400);
}

TEST_CASE("request: Host and framing in doubt are refused")
{
    CHECK(status(read("GET", "/", {{"Host", "localhost:4664"}})) == 400);
    CHECK(status(read_request({.method = "GET", .target = "/", .minor = 1})) == 400);
    CHECK(status(read_request({.method = "GET", .target = "/", .minor = 0})) == 0);
    CHECK(status(read("GET", "http://localhost/", {{"Host", "localhost"}})) == 400);
    CHECK(status(read("POST", "/", {{"Content-Length", "1"}, {"Content-Length", "1"}})) == 400);
    CHECK(status(read("POST", "/", {{"Transfer-Encoding", "chunked"}}, 0)) == 400);
    CHECK(status(read("POST", "/", {{"Transfer-Encoding", "chunked"}}, 1)) == 0);
}

TEST_CASE("request: HTTP/1.1 keeps the connection unless told, HTTP/1.0 only if told (RFC 9112, section 9.3)")
{
    CHECK(keeps_alive(1, {}));
    CHECK(keeps_alive(1, {{"Connection", "keep-alive"}}));
    CHECK(keeps_alive(1, {{"Connection", "x, closed"}}));
    CHECK_FALSE(keeps_alive(1, {{"Connection", "close"}}));
    CHECK_FALSE(keeps_alive(1, {{"Connection", "x,\tCLOSE , y"}}));
    CHECK_FALSE(keeps_alive(1, {{"Connection", "x"}, {"connection", "close"}}));
    CHECK_FALSE(keeps_alive(1, {{"Connection", "close"}, {"connection", "keep-alive"}}));
    CHECK_FALSE(keeps_alive(0, {}));
    CHECK_FALSE(keeps_alive(0, {{"Connection", "x"}}));
    CHECK(keeps_alive(0, {{"Connection", "Keep-Alive"}}));
    CHECK_FALSE(keeps_alive(0, {{"Connection", "keep-alive, close"}}));
    CHECK_FALSE(keeps_alive(0, {{"Connection", "close, keep-alive"}}));
    CHECK_FALSE(keeps_alive(0, {{"Connection", "keep-alive"}, {"Connection", "close"}}));
}

TEST_CASE("request: close wins over a later keep-alive in HTTP/1.0 too")
{
    CHECK_FALSE(keeps_alive(0, {{"Connection", "close"}, {"Connection", "keep-alive"}}));
}

TEST_CASE("request: Pragma counts only while there is no Cache-Control (RFC 9111, section 5.4)")
{
    CHECK(good("/", {{"Pragma", "no-cache"}}).asked.no_cache);
    CHECK_FALSE(good("/", {{"Pragma", "no-cache"}, {"Cache-Control", "max-age=5"}}).asked.no_cache);
    CHECK_FALSE(good("/", {{"Cache-Control", ""}, {"Pragma", "no-cache"}}).asked.no_cache);
    CHECK(good("/", {{"Cache-Control", "no-store"}, {"Cache-Control", "no-cache"}}).asked.no_cache);
}

bool matches_etag(std::string_view if_none_match, std::string_view etag)
{
    return has(etag, {{"If-None-Match", if_none_match}});
}

TEST_CASE("etag: a list of tags matches weakly, a star matches anything (RFC 9110, section 13.1.2)")
{
    for (std::string field : {"\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\"", " \"a\" ", "\"b\" , \"c\",\t\"a\"",
                              ",,\"a\"", "*", " *", "\"b,\", \"a\"", "\"\", \"a\""})
    {
        CAPTURE(field);
        CHECK(matches_etag(field, "\"a\""));
    }
    for (std::string field : {"", " ", ",", "a", "\"b\"", "\"A\"", "\"a", "a\"", "W/a", "w/\"a\"", "\"x\"a\"", "\"ab\"",
                              "\"\"", "**", "W/*", "'a'", "\"b, \"a\""})
    {
        CAPTURE(field);
        CHECK_FALSE(matches_etag(field, "\"a\""));
    }
    CHECK(matches_etag("\"a,b\"", "\"a,b\""));
    CHECK_FALSE(matches_etag("*", ""));
    CHECK_FALSE(matches_etag("\"\"", ""));
}

TEST_CASE("etag: several If-None-Match fields are one list, and no field is no tag")
{
    CHECK(has("\"a\"", {{"If-None-Match", "\"b\""}, {"Accept", "*/*"}, {"If-None-Match", "\"a\""}}));
    CHECK_FALSE(has("\"a\"", {{"Accept", "*"}}));
}

TEST_CASE("etag: a star is the whole field, but for white space around it")
{
    CHECK(matches_etag("* ", "\"a\""));
    CHECK_FALSE(matches_etag("\"b\", *", "\"a\""));
}

TEST_CASE("request: 200 fields are read, and one more is 431")
{
    auto with = [](std::size_t count) {
        return read("GET", "/", std::vector<field_view>(count - 1, {"X", "y"}));  // and Host
    };
    CHECK(status(with(200)) == 0);
    CHECK(with(200).good.fields.size() == 200);
    CHECK(status(with(201)) == 431);
}
