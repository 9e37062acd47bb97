#include "server/admin/status_page.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <sstream>

using namespace callcache;

TEST_CASE("status page: it is the file, byte for byte")
{
    std::ostringstream file;
    file << std::ifstream(CALLCACHE_SOURCE "/server/admin/status_page.html").rdbuf();
    REQUIRE(file.str().size() > 1000);
    CHECK(status_page().body == file.str());
}

TEST_CASE("status page: its policy allows its own script and style by their digest, its own origin, and nothing else")
{
    const std::string* policy = status_page().find("content-security-policy");
    REQUIRE(policy);
    CHECK(std::regex_match(
        *policy, std::regex("default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src "
                            "'sha256-[A-Za-z0-9+/]{43}='; connect-src 'self'; img-src data:; base-uri 'none'; "
                            "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
                            "trusted-types 'none'")));
    CHECK(*status_page().find("cache-control") == "no-store");
    CHECK(*status_page().find("x-content-type-options") == "nosniff");
    CHECK(*status_page().find("referrer-policy") == "no-referrer");
}

TEST_CASE("status page: it names no other place, and nothing in it makes markup of text")
{
    std::string html = status_page().body;
    // The one address is the name of SVG, which nobody asks.
    html = std::regex_replace(html, std::regex("http://www\\.w3\\.org/2000/svg"), "");
    for (const char* unwanted : {"http:", "https:", "//www", "@import", "innerHTML", "outerHTML", "insertAdjacentHTML",
                                 "document.write", "eval(", " style=\"", " onclick=\""})
    {
        CAPTURE(unwanted);
        CHECK(html.find(unwanted) == std::string::npos);
    }
}
