#include "server/front/relay_head.hpp"

#include "server/http/via.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

// Of a request with these fields, as it goes to api.gong.io under the credential "Basic own".
std::string head_of(std::string_view method, std::string_view target, std::vector<field_view> fields, int minor = 1)
{
    fields.insert(fields.begin(), {"Host", "localhost:4664"});
    auto read = read_request({.method = method, .target = target, .minor = minor, .fields = fields});
    REQUIRE_FALSE(read.refused);
    return forwarded_head(read.good, read.good.target, "api.gong.io", "Basic own");
}

const std::string first = "GET /v2/users HTTP/1.1\r\nHost: api.gong.io\r\nAuthorization: Basic own\r\n";
const std::string last = "Via: " + own_via() + "\r\n";

std::string get(std::vector<field_view> fields)
{
    return head_of("GET", "/v2/users", std::move(fields));
}

}  // namespace

TEST_CASE("forwarded head: the vendor's host, the credential, what the tool says to it in its order, and Via")
{
    CHECK(
        get({{"X-One", "1"}, {"Cookie", "a=b"}, {"x-one", "2"}, {"Authorization", "Bearer tool"}, {"Via", "1.1 a"}}) ==
        first + "X-One: 1\r\nCookie: a=b\r\nx-one: 2\r\nVia: 1.1 a\r\n" + last);
    CHECK(head_of("POST", "/v2/tasks?a=%20b", {{"Authorization", "x"}}, 0) ==
          "POST /v2/tasks?a=%20b HTTP/1.1\r\nHost: api.gong.io\r\nAuthorization: Basic own\r\nVia: 1.0 " +
              own_via().substr(4) + "\r\n");
    CHECK(get({}) == first + last);  // `inject`: the tool has none
}

TEST_CASE("forwarded head: there is one Authorization, whatever the tool's Connection names")
{
    for (const char* names : {"authorization", "Authorization", "close, AUTHORIZATION", "x,\tauthorization ,y"})
    {
        CAPTURE(names);
        CHECK(get({{"Connection", names}, {"Authorization", "Bearer tool"}}) == first + last);
        CHECK(get({{"Authorization", "Bearer tool"}, {"Connection", "close"}, {"CONNECTION", names}}) == first + last);
        CHECK(get({{"Connection", names}}) == first + last);
    }
}

TEST_CASE("forwarded head: what callcache says itself cannot be taken away by a Connection field either")
{
    CHECK(get({{"Connection", "host, via, content-length"}, {"Via", "1.1 a"}}) == first + last);
    CHECK(head_of("GET", "/v2/calls?a=b", {{"Connection", "accept-encoding"}, {"Accept-Encoding", "gzip"}})
              .find("\r\nAccept-Encoding: identity\r\n") != std::string::npos);
    CHECK(head_of("OPTIONS", "/v2/users", {{"Connection", "max-forwards"}, {"Max-Forwards", "7"}})
              .find("\r\nMax-Forwards: 6\r\n") != std::string::npos);
}

TEST_CASE("forwarded head: what concerns the tool's connection alone is not handed on")
{
    CHECK(get({{"Connection", "X-Mine, keep-alive"},
               {"X-Mine", "1"},
               {"x-MINE", "2"},
               {"X-Mine-Too", "3"},
               {"Keep-Alive", "timeout=5"},
               {"Proxy-Connection", "close"},
               {"Proxy-Authorization", "Basic eA=="},
               {"TE", "trailers"},
               {"Trailer", "X"},
               {"Upgrade", "h2c"},
               {"Expect", "100-continue"},
               {"Content-Length", "5"}}) == first + "X-Mine-Too: 3\r\n" + last);
}

TEST_CASE("forwarded head: what brings calls is asked for uncoded, and everything else as the tool wants it")
{
    const std::string identity = "Accept-Encoding: identity\r\n", gzip = "Accept-Encoding: gzip\r\n";
    auto coded = [&](const char* method, const char* target) {
        std::string head =
            head_of(method, target, {{"Accept-Encoding", "gzip"}, {"X", "y"}, {"accept-encoding", "br"}});
        bool none = head.find(identity) != std::string::npos && head.find("gzip") == std::string::npos &&
                    head.find("br\r\n") == std::string::npos;
        bool as_it_came = head.find(gzip) != std::string::npos &&
                          head.find("accept-encoding: br\r\n") != std::string::npos &&
                          head.find(identity) == std::string::npos;
        CHECK(none != as_it_came);
        return as_it_came;
    };
    CHECK_FALSE(coded("GET", "/v2/calls?fromDateTime=x"));
    CHECK_FALSE(coded("POST", "/v2/calls/extensive"));
    CHECK(coded("POST", "/v2/calls"));
    CHECK(coded("GET", "/v2/users"));
}

TEST_CASE("forwarded head: Max-Forwards counts down where it has a meaning (RFC 9110, section 7.6.2)")
{
    auto with = [](const char* method) { return head_of(method, "/v2/users", {{"max-forwards", "10"}}); };
    CHECK(with("OPTIONS").find("Max-Forwards: 9\r\n") != std::string::npos);
    CHECK(with("OPTIONS").find("10") == std::string::npos);
    CHECK(with("GET").find("max-forwards: 10\r\n") != std::string::npos);
}
