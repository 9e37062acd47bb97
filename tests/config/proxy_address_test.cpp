#include "config/proxy_address.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace callcache;

namespace
{

std::string read(std::string_view url)
{
    auto p = parse_proxy(url);
    return p ? p->at.text() + " " + p->login : "refused";
}

const origin gong{true, {"api.gong.io", 443}};

// What is used for `to`, or "-" where the environment says nothing.
std::string used(std::vector<std::pair<std::string, std::string>> environment, const origin& to = gong)
{
    return proxy_of_environment(environment, to).value_or("-");
}

}  // namespace

TEST_CASE("proxy address: host and port, perhaps with a login, whose percent-encoding is taken away")
{
    CHECK(read("http://proxy.corp:3128") == "proxy.corp:3128 ");
    CHECK(read("HTTP://proxy.corp:3128/") == "proxy.corp:3128 ");
    CHECK(read("proxy.corp:3128") == "proxy.corp:3128 ");
    CHECK(read("http://[::1]:3128") == "[::1]:3128 ");
    CHECK(read("http://user:pass@10.0.0.1:80") == "10.0.0.1:80 user:pass");
    CHECK(read("user:pass@p:80") == "p:80 user:pass");
    CHECK(read("http://us%40er:p%3Aa%2Fs%25s@p:80") == "p:80 us@er:p:a/s%s");
    CHECK(read("http://user:p@ss@p:80") == "p:80 user:p@ss");
    CHECK(read("http://corp\\user:gr\xc3\xbc\xc3\x9f@p:80") == "p:80 corp\\user:gr\xc3\xbc\xc3\x9f");
    CHECK(read("http://token@p:80") == "p:80 token:");
}

TEST_CASE("proxy address: what is not a plain proxy with a port is refused")
{
    for (const char* url : {"",
                            "http://",
                            "proxy",
                            "http://proxy",
                            "http://proxy:",
                            "http://proxy:0",
                            "http://proxy:99999",
                            "https://proxy:3128",
                            "socks5://proxy:1080",
                            "http://proxy:3128/path",
                            "http://a:b@",
                            "http://p q:1",
                            "http://a%3Ab:c@p:1",
                            "http://a:%@p:1",
                            "http://a:%2@p:1",
                            "http://a:%zz@p:1",
                            "http://a:%0d%0aX@p:1",
                            "http://a:%00@p:1",
                            "http://a:b\n@p:1",
                            "http://a:+1%+1@p:1"})
    {
        CAPTURE(url);
        CHECK(read(url) == "refused");
    }
}

TEST_CASE("proxy address: no login is ever shown")
{
    CHECK(parse_proxy("http://user:pass@proxy:3128")->text() == "http://***@proxy:3128");
    CHECK(parse_proxy("token@proxy:3128")->text() == "http://***@proxy:3128");
    CHECK(parse_proxy("proxy:3128")->text() == "http://proxy:3128");
}

TEST_CASE("proxy of the environment: HTTPS_PROXY in either case, for https alone, and never for this machine")
{
    CHECK(used({}) == "-");
    CHECK(used({{"HTTPS_PROXY", ""}}) == "-");
    CHECK(used({{"HTTP_PROXY", "http://p:1"}}) == "-");
    CHECK(used({{"https_proxy", "http://p:1"}}) == "http://p:1");
    CHECK(used({{"https_proxy", "http://p:1"}, {"HTTPS_PROXY", "http://P:1"}}) == "http://P:1");
    CHECK(used({{"HTTPS_PROXY", "http://p:1"}}, {false, {"api.gong.io", 80}}) == "-");
    for (const char* host : {"localhost", "127.0.0.1", "::1"})
        CHECK(used({{"HTTPS_PROXY", "http://p:1"}}, {true, {host, 443}}) == "");
}

TEST_CASE("proxy of the environment: NO_PROXY excepts names, what is below them, addresses, and everything")
{
    auto excepted = [](const std::string& list, const origin& to = gong) {
        std::string by_upper = used({{"HTTPS_PROXY", "p:1"}, {"NO_PROXY", list}}, to);
        CHECK(used({{"HTTPS_PROXY", "p:1"}, {"no_proxy", list}}, to) == by_upper);
        return by_upper.empty();
    };
    for (const char* list : {"*", "gong.io", ".gong.io", "*.gong.io", "API.gong.IO", "a.b, api.gong.io", "x,gong.io,y",
                             "gong.io:443", "a b gong.io"})
    {
        CAPTURE(list);
        CHECK(excepted(list));
    }
    for (const char* list :
         {"", ",", ".", "ong.io", "pi.gong.io", "us.api.gong.io", "gong.io:8443", "gong.io.corp", "10.0.0.0/8", "gong"})
    {
        CAPTURE(list);
        CHECK_FALSE(excepted(list));
    }
    CHECK(excepted("10.0.0.7", {true, {"10.0.0.7", 443}}));
    CHECK(excepted("[fd00::1]:443", {true, {"fd00::1", 443}}));
    CHECK(excepted("fd00::1", {true, {"fd00::1", 443}}));
    CHECK_FALSE(excepted("10.0.0.7", {true, {"10.0.0.70", 443}}));
}
