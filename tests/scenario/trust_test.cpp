// What makes a credential trusted: its own lookup or list, answered with the call, with the list, or with the vendor's
// own 404. Nothing else does, for it would let a credential that the vendor never accepted read what is kept.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string list_path = "/v2/calls";
const std::string list_target = list_path + "?fromDateTime=2020-01-01T00:00:00Z&toDateTime=2035-01-01T00:00:00Z";
const std::string empty_range = list_path + "?fromDateTime=2005-01-01T00:00:00Z&toDateTime=2005-01-02T00:00:00Z";
const fields only_kept{{"Cache-Control", "only-if-cached"}};

std::string with_body(const std::string& status, const std::string& type, const std::string& body)
{
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

const std::string page = "<html>no such page</html>";
const std::string a_list = R"({"requestId":"r","records":{},"calls":[]})";

// Answers to `GET /v2/calls` that are not the vendor's word on the credential.
const std::vector<std::pair<const char*, std::string>> not_the_vendors{
    {"a router's 404", with_body("404 Not Found", "text/html", page)},
    {"a router's 404 in JSON", with_body("404 Not Found", "application/json", R"({"message":"no Route matched"})")},
    {"a 404 without a request id", with_body("404 Not Found", "application/json", R"({"errors":["no"]})")},
    {"a 404 with one error that is no list",
     with_body("404 Not Found", "application/json", R"({"requestId":"r","errors":"no"})")},
    {"a captive portal's page", with_body("200 OK", "text/html", page)},
    {"a list in HTML", with_body("200 OK", "text/html", a_list)},
    {"JSON that is no list", with_body("200 OK", "application/json", R"({"requestId":"r","login":"/portal"})")},
    {"a list without a request id", with_body("200 OK", "application/json", R"({"calls":[]})")},
    {"half a list", with_body("200 OK", "application/json", a_list.substr(0, 20))},
    {"a coded list", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: " +
                         std::to_string(a_list.size()) + "\r\n\r\n" + a_list},
    {"no body", "HTTP/1.1 204 No Content\r\n\r\n"},
};

// Call 1 is kept under the credential, which the vendor has refused since.
struct revoked_key : harness
{
    revoked_key()
    {
        start();
        CHECK(get(path(1)).status == 200);
        vendor->withdraw(authorization);
        CHECK(get(path(2)).status == 401);
        CHECK_FALSE(reads_kept());
        clock.advance(11s);
    }
    bool reads_kept(const std::string& as = authorization) { return get(path(1), only_kept, as).status == 200; }
    void answer_lists_with(const std::string& bytes) { vendor->script(list_path, sim::scripted{bytes}); }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: trust");

TEST_CASE("a revoked key that lists calls and is not answered by the vendor stays revoked, also after a restart")
{
    for (const auto& [what, bytes] : not_the_vendors)
        for (const char* slash : {"", "/"})
        {
            CAPTURE(what);
            CAPTURE(slash);
            revoked_key w;
            w.vendor->script(list_path + slash, sim::scripted{bytes});
            w.get(list_path + slash + list_target.substr(list_path.size()));
            w.run_for_a_while();
            CHECK_FALSE(w.reads_kept());
            w.start();
            CHECK_FALSE(w.reads_kept());
        }
}

TEST_CASE("a list that breaks off, or that is too long to be looked at, says nothing about the credential")
{
    for (const std::string& bytes :
         {std::string("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n") + a_list,
          with_body("200 OK", "application/json", a_list + std::string(8 << 20, ' '))})
    {
        revoked_key w;
        w.vendor->script(list_path, sim::scripted{bytes, sim::then::close});
        tool t(w);
        t.send(w.request("GET", list_target));
        w.run_until([&] { return t.closed() || t.received() > (8 << 20); });
        w.run_for_a_while();
        CHECK_FALSE(w.reads_kept());
    }
}

TEST_CASE("what is answered to a HEAD or a POST of the list's path says nothing about the credential")
{
    for (const char* method : {"HEAD", "POST", "OPTIONS"})
    {
        CAPTURE(method);
        revoked_key w;
        w.answer_lists_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n");
        tool t(w);
        t.send(
            w.request(method, list_target, std::string(method) == "POST" ? fields{{"Content-Length", "0"}} : fields{}));
        t.read(std::string(method) == "HEAD");
        w.run_for_a_while();
        CHECK_FALSE(w.reads_kept());
    }
}

TEST_CASE("a list, and the vendor's word that a range is empty, make a credential trusted again")
{
    for (const std::string& target : {list_target, empty_range})
    {
        CAPTURE(target);
        revoked_key w;
        w.vendor->allow(authorization);
        CHECK(w.get(target).status == (target == list_target ? 200 : 404));
        w.run_until([&] { return w.reads_kept(); });
        w.start();
        CHECK(w.reads_kept());
    }
}

TEST_CASE("a lookup that somebody else on the way answers leaves a revoked key revoked")
{
    for (const auto& [what, bytes] : not_the_vendors)
    {
        CAPTURE(what);
        revoked_key w;
        w.vendor->script(w.id(2), sim::scripted{bytes});
        w.get(w.path(2));
        w.run_for_a_while();
        CHECK_FALSE(w.reads_kept());
    }
}

TEST_CASE("company: behind a captive portal a key with a wrong secret reads nothing of the company's")
{
    const std::string wrong = sim::basic("key", "wrong");
    for (const auto& [what, bytes] : not_the_vendors)
    {
        CAPTURE(what);
        harness w;
        w.config.credentials.share = credentials_share::company;
        w.config.credentials.company_keys = {"key"};
        w.start();
        CHECK(w.get(w.path(1)).status == 200);
        w.vendor->script("", sim::scripted{bytes});  // whatever is asked for
        w.get(list_target, {}, wrong);
        w.get(w.path(2), {}, wrong);
        w.run_for_a_while();
        CHECK(w.get(w.path(1), only_kept, wrong).status == 504);
        CHECK(w.get(w.path(1), only_kept).status == 200);
    }
}

TEST_CASE("what a bulk read of a tool's own brings under a credential that was never accepted is not kept, for nobody")
{
    const std::string second_secret = sim::basic("key", "second");
    harness w;
    w.vendor_options.keys[authorization] = w.vendor_options.keys[second_secret] = {};
    w.config.credentials.share = credentials_share::company;
    w.config.credentials.company_keys = {"key"};
    w.start();
    CHECK(w.get(w.path(3)).status == 200);  // the company's other credential is trusted
    std::string ids = "{\"filter\":{\"callIds\":[\"" + w.id(1) + "\"]}}";
    answer a =
        w.raw("POST /v2/calls/extensive HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + second_secret +
              "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(ids.size()) + "\r\n\r\n" + ids);
    CHECK(a.status == 200);
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    w.run_for_a_while();
    CHECK(w.get(w.path(1), only_kept).status == 504);
    CHECK(w.get(w.path(2), {}, second_secret).status == 200);  // now it is trusted too
    CHECK(w.get(w.path(1), only_kept, second_secret).status == 504);
}

TEST_CASE("a list, and a bulk read of a tool's own, that are under way during a purge or an erasure are not kept")
{
    const std::string erasure = "/v2/data-privacy/erase-data-for-email-address?emailAddress=a%40b.example";
    for (bool lists : {true, false})
        for (bool erases : {true, false})
        {
            CAPTURE(lists);
            CAPTURE(erases);
            harness w;
            w.start();
            CHECK(w.get(w.path(1)).status == 200);
            std::uint64_t brought = w.vendor->catalogue().count - 1;  // a list begins with the oldest
            std::string ids = "{\"filter\":{\"callIds\":[\"" + w.id(brought) + "\"]}}";
            std::string held = lists ? list_path : "/v2/calls/extensive";
            w.vendor->hold(held);
            std::size_t before = w.vendor->requests();
            tool t(w);
            if (lists)
                t.send(w.request("GET", list_target));
            else
                t.send("POST /v2/calls/extensive HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
                       "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(ids.size()) +
                       "\r\n\r\n" + ids);
            w.run_until([&] { return w.vendor->requests() == before + 1; });
            if (erases)
                CHECK(w.send("POST", erasure).status == 200);
            else
                CHECK(w.operate("POST", "/purge", "{\"all\":true}").status == 200);
            w.vendor->release(held);
            CHECK(t.read().status == 200);
            w.run_until([&] { return w.cache->misses().report().flights == 0; });
            CHECK(w.get(w.path(brought), only_kept).status == 504);
            // The same again, with nothing in its way, is kept.
            if (lists)
            {
                CHECK(w.get(list_target).status == 200);
                w.run_until([&] { return w.get(w.path(brought), only_kept).status == 200; });
            }
        }
}

TEST_SUITE_END();
