#include "server/fetch/lookup_message.hpp"

#include "server/http/via.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const origin gong = *parse_origin("https://api.gong.io");

lookup of(const std::string& id)
{
    lookup l;
    l.id = id;
    l.authorization = "Basic a2V5";
    return l;
}

std::string head(const std::string& line)
{
    return line + " HTTP/1.1\r\nHost: api.gong.io\r\nAuthorization: Basic a2V5\r\nAccept: application/json\r\n"
                  "Accept-Encoding: identity\r\n";
}

// Without callcache's version, which changes, and its name in Via.
std::string nameless(std::string message)
{
    for (const std::string& name : {std::string("User-Agent: callcache/"), "Via: " + own_via() + "\r\n"})
    {
        auto at = message.find(name);
        REQUIRE(at != std::string::npos);
        message.erase(at, message.find("\r\n", at) + 2 - at);
    }
    return message;
}

}  // namespace

TEST_CASE("message: a lookup is a GET with callcache's own fields, and its asker's trace")
{
    lookup l = of("77");
    CHECK(nameless(lookup_message(gong, l)) == head("GET /v2/calls/77") + "\r\n");
    l.traceparent = "00-1-2-01";
    CHECK(nameless(lookup_message(gong, l)) == head("GET /v2/calls/77") + "traceparent: 00-1-2-01\r\n\r\n");
}

TEST_CASE("message: it says through whom its asker's request came")
{
    lookup l = of("77");
    l.via = "1.1 gateway";
    for (const std::string& message : {lookup_message(gong, l), bulk_message(gong, l, {"77", "78"})})
        CHECK(message.find("\r\nVia: 1.1 gateway, " + own_via() + "\r\n") != std::string::npos);
}

TEST_CASE("message: a kept route is asked for by its target")
{
    const route_settings route{};
    lookup l = of("/v2/users?cursor=x");
    l.kept_by = &route;
    CHECK(nameless(lookup_message(gong, l)) == head("GET /v2/users?cursor=x") + "\r\n");
}

TEST_CASE("message: a bulk read asks for all ids at once, without the trace of one of them")
{
    lookup l = of("77");
    l.traceparent = "00-1-2-01";
    const std::string body = R"({"filter":{"callIds":["77","78"]}})";
    CHECK(nameless(bulk_message(gong, l, {"77", "78"})) ==
          head("POST /v2/calls/extensive") +
              "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}
