#include "config/address.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;

TEST_CASE("address: a host and a port")
{
    CHECK(parse_host_port("localhost:4664") == host_port{"localhost", 4664});
    CHECK(parse_host_port("0.0.0.0:0") == host_port{"0.0.0.0", 0});
    CHECK(parse_host_port("my-host_1.example:65535") == host_port{"my-host_1.example", 65535});
    CHECK(parse_host_port("[::1]:80") == host_port{"::1", 80});
    CHECK(parse_host_port("[::ffff:127.0.0.1]:80") == host_port{"::ffff:127.0.0.1", 80});
}

TEST_CASE("address: what is not a host and a port is refused")
{
    for (std::string text : {"",
                             ":",
                             ":80",
                             "host",
                             "host:",
                             "host:65536",
                             "host:-1",
                             "host:+1",
                             "host: 1",
                             "host:1 ",
                             "host:0x1",
                             "host:80a",
                             "a:b:1",
                             "::1:80",
                             "::1",
                             "[::1]",
                             "[::1]80",
                             "[]:80",
                             "[::1:80",
                             "::1]:80",
                             "[local]:80",
                             "user@host:80",
                             "ho st:80",
                             "host/:80",
                             "h?:80",
                             "h\xc3\xb6st:80",
                             "https://host:80",
                             "host:80/",
                             "a,b:80"})
    {
        CAPTURE(text);
        CHECK_FALSE(parse_host_port(text));
    }
}

TEST_CASE("address: loopback is what can only mean this machine")
{
    for (std::string host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"})
    {
        CAPTURE(host);
        CHECK(is_loopback(host));
    }
    for (std::string host : {"", "0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "127", "127.0.0.1.example.com",
                             "127.example.com", "localhost.example.com", "xlocalhost", "1127.0.0.1", "::2"})
    {
        CAPTURE(host);
        CHECK_FALSE(is_loopback(host));
    }
}

TEST_CASE("address: an origin has a scheme, a host and the scheme's port unless it says another")
{
    struct
    {
        std::string url;
        bool tls;
        host_port at;
        std::string authority, text;
    } cases[] = {
        {"https://api.gong.io", true, {"api.gong.io", 443}, "api.gong.io", "https://api.gong.io"},
        {"https://api.gong.io/", true, {"api.gong.io", 443}, "api.gong.io", "https://api.gong.io"},
        {"https://API.Gong.IO:443", true, {"api.gong.io", 443}, "api.gong.io", "https://api.gong.io"},
        {"https://api.gong.io:80", true, {"api.gong.io", 80}, "api.gong.io:80", "https://api.gong.io:80"},
        {"http://localhost:9000/", false, {"localhost", 9000}, "localhost:9000", "http://localhost:9000"},
        {"http://localhost", false, {"localhost", 80}, "localhost", "http://localhost"},
        {"http://[::1]:443", false, {"::1", 443}, "[::1]:443", "http://[::1]:443"},
        {"https://[::1]", true, {"::1", 443}, "[::1]", "https://[::1]"},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.url);
        auto o = parse_origin(c.url);
        REQUIRE(o);
        CHECK(o->tls == c.tls);
        CHECK(o->at == c.at);
        CHECK(o->authority() == c.authority);
        CHECK(o->text() == c.text);
    }
}

TEST_CASE("address: a URL that is more, or less, than an origin is refused")
{
    for (std::string url : {"",
                            "api.gong.io",
                            "https:",
                            "https://",
                            "https:///",
                            "ftp://host",
                            "https://host/v2",
                            "https://host//",
                            "https://host?x",
                            "https://host#x",
                            "https://user@host",
                            "https://user:secret@host",
                            "https://host:",
                            "https://host:0",
                            "https://host:65536",
                            "https://host:443:443",
                            "https://::1",
                            "https://[::1",
                            "https://ho st",
                            " https://host",
                            "https://host ",
                            "https://host\n"})
    {
        CAPTURE(url);
        CHECK_FALSE(parse_origin(url));
    }
}
