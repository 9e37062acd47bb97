// The status page as a browser gets it, and what a browser's requests are answered.

#include "server/admin/status_page.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct browser
{
    explicit browser(harness& w) : t(w, w.cache->admin_endpoints().front()) {}

    answer ask(const std::string& line, const std::string& fields = "", const std::string& body = "")
    {
        t.send(line + " HTTP/1.1\r\nHost: localhost:4665\r\n" + fields +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return t.read(line.starts_with("HEAD"));
    }

    tool t;
};

const std::string own = "Sec-Fetch-Site: same-origin\r\n", own_post = own + "Origin: http://localhost:4665\r\n",
                  json = "Content-Type: application/json\r\n";

}  // namespace

TEST_CASE("status page: GET / is the page, with its policy, whole and not kept")
{
    harness w;
    w.start();
    browser b(w);
    answer page = b.ask("GET /", "Sec-Fetch-Site: none\r\n");
    CHECK(page.status == 200);
    CHECK(page.body == status_page_html());
    CHECK(page.header("content-type") == "text/html; charset=utf-8");
    CHECK(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'sha256-"));
    CHECK(page.header("cache-control") == "no-store");
    CHECK(b.ask("HEAD /").header("content-length") == std::to_string(status_page_html().size()));
    CHECK(b.ask("POST /").status == 405);
}

TEST_CASE("status page: its own requests are answered on the admin address, and nobody else's page's")
{
    harness w;
    w.start();
    browser b(w);
    CHECK(b.ask("GET /stats", own).status == 200);
    CHECK(b.ask("POST /resume", own_post + json, "{}").status == 200);
    CHECK(b.ask("POST /resume", own_post + "Content-Type: text/plain\r\n", "{}").status == 415);
    for (const std::string& foreign :
         {std::string("Sec-Fetch-Site: cross-site\r\n"), std::string("Origin: http://localhost:4664\r\n"),
          std::string("Sec-Fetch-Site: same-site\r\nOrigin: http://localhost:3000\r\n"),
          std::string("Origin: null\r\n")})
    {
        CAPTURE(foreign);
        CHECK(b.ask("GET /", foreign).status == 403);
        CHECK(b.ask("GET /stats", foreign).status == 403);
        CHECK(b.ask("POST /resume", foreign + json, "{}").status == 403);
    }
}
