#include "server/http/origin_rules.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const std::vector<std::string> none;

unsigned refused(const request& r, const std::vector<std::string>& hosts = none)
{
    auto refusal = refuse_web_page(r, hosts);
    return refusal ? refusal->status : 0;
}

request get(std::string_view host = "localhost:4664")
{
    request r;
    r.method = "GET";
    r.target = "/";
    r.host = host;
    return r;
}

}  // namespace

TEST_CASE("own host: this machine's loopback names, with any port or none")
{
    for (std::string host : {"localhost", "localhost:4664", "LocalHost:1", "127.0.0.1", "127.0.0.1:80", "127.9.9.9",
                             "[::1]", "[::1]:4664"})
    {
        CAPTURE(host);
        CHECK(is_own_host(host, none));
    }
    for (std::string host :
         {"", ":4664", "example.com", "localhost.example.com", "127.0.0.1.example.com", "example.com:localhost",
          "localhost@example.com", "example.com#localhost", "0.0.0.0", "10.0.0.1", "[::]", "::1", "[::1",
          "192.168.0.1:4664", "xlocalhost", "localhost:x", "local\xc4\xb1host", "localhost, example.com"})
    {
        CAPTURE(host);
        CHECK_FALSE(is_own_host(host, none));
    }
}

TEST_CASE("own host: an empty port is the default one (RFC 3986, section 3.2.3)")
{
    CHECK(is_own_host("localhost:", none));
}

TEST_CASE("own host: the further names that were listed, and no others")
{
    const std::vector<std::string> hosts{"callcache", "proxy.example.com"};
    CHECK(is_own_host("callcache:4664", hosts));
    CHECK(is_own_host("proxy.example.com", hosts));
    CHECK(is_own_host("PROXY.example.com:80", hosts));
    CHECK(is_own_host("localhost", hosts));
    CHECK_FALSE(is_own_host("example.com", hosts));
    CHECK_FALSE(is_own_host("x.proxy.example.com", hosts));
    CHECK_FALSE(is_own_host("callcache.example.com", hosts));
}

TEST_CASE("own host: a listed name means the same in capitals")
{
    CHECK(is_own_host("proxy.example.com", {"Proxy.Example.com"}));
}

TEST_CASE("origin rules: a tool may ask")
{
    CHECK(refused(get()) == 0);
    CHECK(refused(get("callcache"), {"callcache"}) == 0);
    request r = get();
    r.sec_fetch_site = "none";  // an address typed into a browser
    CHECK(refused(r) == 0);
    r.method = "POST";
    CHECK(refused(r) == 0);
}

TEST_CASE("origin rules: another name is misdirected, whatever else the request says")
{
    CHECK(refused(get("evil.example")) == 421);
    CHECK(refused(get("")) == 421);
    CHECK(refused(get("callcache")) == 421);
    request r = get("evil.example");
    r.origin = "http://evil.example";
    CHECK(refused(r) == 421);
}

TEST_CASE("origin rules: a web page is refused, from wherever it comes")
{
    for (std::string origin : {"null", "https://evil.example", "http://localhost:4664", "http://localhost"})
    {
        request r = get();
        r.origin = origin;
        CHECK(refused(r) == 403);
    }
    for (std::string site : {"cross-site", "same-site", "same-origin", "NONE", "none, none", "x"})
    {
        request r = get();
        r.sec_fetch_site = site;
        CHECK(refused(r) == 403);
    }
    request r = get();
    r.method = "OPTIONS";
    CHECK(refused(r) == 403);
}
