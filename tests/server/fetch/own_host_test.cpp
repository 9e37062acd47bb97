#include "server/fetch/own_host.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const origin general = *parse_origin("https://api.gong.io");

std::string redirected(unsigned status, const std::string& location)
{
    return redirects_to({status, {{"Location", location}}, {}}, general);
}

}  // namespace

TEST_CASE("own host: a redirect to another origin names it, without its path")
{
    const std::string own = "https://us-12345.api.gong.io";
    for (unsigned status : {301, 302, 303, 307, 308}) CHECK(redirected(status, own + "/v2/calls/1?x=//y") == own);
    CHECK(redirected(307, "HTTPS://US-12345.api.gong.io:443") == own);
    CHECK(redirected(307, "//us-12345.api.gong.io/v2") == own);
    CHECK(redirected(307, "http://api.gong.io/v2") == "http://api.gong.io");
    CHECK(redirected(307, "https://api.gong.io:8443/v2") == "https://api.gong.io:8443");
}

TEST_CASE("own host: a redirect to itself, to no host, and an answer that is none name nothing")
{
    for (const char* location : {"/v2/calls/1", "https://api.gong.io/v2", "https://API.gong.io:443/", "//api.gong.io",
                                 "v2//us.api.gong.io", "", "file:///etc/passwd", "https://", "https:///v2",
                                 "?x=https://us.api.gong.io", "https://user@us.api.gong.io/"})
    {
        CAPTURE(location);
        CHECK(redirected(307, location).empty());
    }
    for (unsigned status : {200, 201, 300, 304, 404}) CHECK(redirected(status, "https://us.api.gong.io").empty());
    CHECK(redirects_to({307, {}, {}}, general).empty());
}

TEST_CASE("own host: the third 403 is a sign, once, and none where anything was answered 200")
{
    own_host_signs s;
    CHECK_FALSE(s.hear_403());
    CHECK_FALSE(s.hear_403());
    CHECK(s.hear_403());
    for (int more = 0; more < 10; ++more) CHECK_FALSE(s.hear_403());

    own_host_signs good;
    good.hear_200();
    for (int more = 0; more < 10; ++more) CHECK_FALSE(good.hear_403());
}

TEST_CASE("own host: a 401 is a sign once, and a redirect once for each host")
{
    own_host_signs s;
    CHECK(s.hear_401());
    CHECK_FALSE(s.hear_401());
    CHECK(s.hear_redirect("https://a"));
    CHECK_FALSE(s.hear_redirect("https://a"));
    CHECK(s.hear_redirect("https://b"));
}
