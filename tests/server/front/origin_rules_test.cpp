#include "server/front/origin_rules.hpp"

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

namespace
{

request own_page(std::string_view method = "GET")
{
    request r = get("localhost:4665");
    r.method = method;
    r.sec_fetch_site = "same-origin";
    if (method == "POST") r.origin = "http://localhost:4665";
    return r;
}

unsigned refused_by_admin(const request& r, const std::vector<std::string>& hosts = none)
{
    auto refusal = refuse_foreign_page(r, hosts);
    return refusal ? refusal->status : 0;
}

unsigned refused_with_type(std::vector<field_view> fields)
{
    request r = own_page("POST");
    r.body.what = framing::kind::length;
    r.body.length = 2;
    r.fields = fields;
    return refused_by_admin(r);
}

}  // namespace

TEST_CASE("own page: the status page may ask where it came from, and the tools' address does not hear it")
{
    for (std::string_view method : {"GET", "POST"})
    {
        CHECK(refused_by_admin(own_page(method)) == 0);
        CHECK(refused(own_page(method)) == 403);
    }
    request tool = get();
    CHECK(refused_by_admin(tool) == 0);
    // Beyond loopback and without TLS a browser says nothing of the site.
    request bare = own_page("POST");
    bare.sec_fetch_site = {};
    bare.host = "callcache:4665";
    bare.origin = "http://callcache:4665";
    CHECK(refused_by_admin(bare, {"callcache"}) == 0);
    CHECK(refused_by_admin(bare) == 421);
}

TEST_CASE("own page: behind an ingress that ends TLS its origin is https")
{
    request r = own_page("POST");
    r.host = "callcache.example";
    r.origin = "https://callcache.example";
    CHECK(refused_by_admin(r, {"callcache.example"}) == 0);
    CHECK(refused_by_admin(r) == 421);
}

TEST_CASE("own page: a link from any page to the status page is followed, and nothing else")
{
    request link = get("localhost:4665");
    link.sec_fetch_site = "cross-site";
    CHECK(refused_by_admin(link) == 403);
    link.sec_fetch_mode = "navigate";
    CHECK(refused_by_admin(link) == 0);
    CHECK(refused(link) == 403);
    link.target = "/?from=chat";
    CHECK(refused_by_admin(link) == 0);
    for (std::string_view mode : {"no-cors", "cors", "NAVIGATE", ""})
    {
        request r = link;
        r.sec_fetch_mode = mode;
        CHECK(refused_by_admin(r) == 403);
    }
    for (std::string_view target : {"/stats", "/explain/1", "//", "/purge"})
    {
        request r = link;
        r.target = target;
        CHECK(refused_by_admin(r) == 403);
    }
    request form = link;
    form.method = "POST";
    CHECK(refused_by_admin(form) == 403);
    form.origin = "https://evil.example";
    CHECK(refused_by_admin(form) == 403);
}

TEST_CASE("own page: a page of anywhere else is refused, of another port too")
{
    for (std::string origin :
         {"null", "https://evil.example", "http://localhost", "http://localhost:4664", "https://localhost:4664",
          "http://127.0.0.1:4665", "http://localhost:4665/", "http://localhost:46650", "localhost:4665",
          "http://localhost:4665, http://evil.example", "HTTP://localhost:4665"})
    {
        CAPTURE(origin);
        request r = own_page("POST");
        r.origin = origin;
        CHECK(refused_by_admin(r) == 403);
        r.sec_fetch_site = {};
        CHECK(refused_by_admin(r) == 403);
        r.sec_fetch_site = "none";
        CHECK(refused_by_admin(r) == 403);
    }
    for (std::string site : {"cross-site", "same-site", "SAME-ORIGIN", "same-origin, none", "x"})
    {
        CAPTURE(site);
        request r = own_page();
        r.sec_fetch_site = site;
        CHECK(refused_by_admin(r) == 403);
        r.origin = "http://localhost:4665";
        CHECK(refused_by_admin(r) == 403);
    }
}

TEST_CASE("own page: a name that somebody points at loopback is no origin of ours (DNS rebinding)")
{
    request r = own_page("POST");
    r.host = "evil.example:4665";
    r.origin = "http://evil.example:4665";
    CHECK(refused_by_admin(r) == 421);
    r.host = {};
    r.origin = "http://";
    CHECK(refused_by_admin(r) == 421);
}

TEST_CASE("own page: no preflight is answered")
{
    CHECK(refused_by_admin(own_page("OPTIONS")) == 403);
}

TEST_CASE("own page: a body is JSON and says so, which a form cannot")
{
    CHECK(refused_with_type({{"Content-Type", "application/json"}}) == 0);
    CHECK(refused_with_type({{"content-type", "Application/JSON; charset=utf-8"}}) == 0);
    CHECK(refused_with_type({}) == 415);
    CHECK(refused_with_type({{"Content-Type", "application/json"}, {"Content-Type", "text/plain"}}) == 415);
    for (std::string_view type :
         {"", "text/plain", "text/plain; application/json", "multipart/form-data", "application/x-www-form-urlencoded",
          "application/jsonp", "application/json,text/plain"})
    {
        CAPTURE(type);
        CHECK(refused_with_type({{"Content-Type", type}}) == 415);
    }
    request r = own_page("POST");
    r.body.what = framing::kind::chunked;
    CHECK(refused_by_admin(r) == 415);
    r.body.what = framing::kind::length;  // empty, which needs no type
    CHECK(refused_by_admin(r) == 0);
}
