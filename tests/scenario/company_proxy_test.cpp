// Through the company's proxy by CONNECT: what it sees, what the vendor sees, and what is said when it says no.

#include "server/secrets/credential.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

// The vendor has a name that nobody but the proxy knows.
struct proxied_harness : harness
{
    explicit proxied_harness(const std::string& certified = "api.gong.example")
    {
        sim::certificate_wishes wishes;
        wishes.name = certified;
        auto made = sim::make_certificate(wishes);
        vendor_options.tls_certificate = made.chain;
        vendor_options.tls_key = made.key;
        std::ofstream(folder.file("ca.pem")) << made.authority;
        config.upstream.ca_file = folder.file("ca.pem");
        config.upstream.url = "https://api.gong.example";
        vendor = std::make_unique<sim::vendor>(loop.get_executor(), vendor_options, clock);
        through = std::make_unique<connect_proxy>(loop.get_executor(), vendor->port());
        config.upstream.proxy = through->url();
    }
    std::unique_ptr<connect_proxy> through;
};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: the company's proxy");

TEST_CASE("the vendor's name is left to the proxy, TLS is with the vendor, and one way carries many lookups")
{
    proxied_harness w;
    w.start();
    for (std::uint64_t n = 1; n <= 5; ++n) CHECK(w.call_of(w.get(w.path(n))) == w.vendor->body(w.id(n)));
    CHECK(w.vendor->connections() == 1);
    REQUIRE(w.through->heads().size() == 1);
    CHECK(w.through->heads().front() ==
          "CONNECT api.gong.example:443 HTTP/1.1\r\nHost: api.gong.example:443\r\nUser-Agent: callcache/0.1.0\r\n\r\n");
    CHECK(contains(w.out.text(), "proxy=" + w.through->url()));
}

TEST_CASE("what the vendor receives is the same with and without a proxy, also where it is http")
{
    harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    connect_proxy through(w.loop.get_executor(), w.vendor->port());
    w.config.upstream.proxy = through.url();
    w.start();
    CHECK(w.get(w.path(2)).status == 200);
    std::string other = w.vendor->heads().at(1);
    other.replace(other.find(w.id(2)), w.id(2).size(), w.id(1));
    CHECK(w.vendor->heads().at(0) == other);
    REQUIRE(through.heads().size() == 1);
    CHECK(through.heads().front().starts_with("CONNECT 127.0.0.1:" + std::to_string(w.vendor->port()) + " HTTP/1.1"));
}

TEST_CASE("user and password are shown to the proxy alone, decoded, and stand in no log and no answer")
{
    proxied_harness w;
    w.config.upstream.proxy = w.through->url("us%40er:hunter%3A2");
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    REQUIRE(w.through->heads().size() == 1);
    CHECK(contains(w.through->heads().front(), "\r\nProxy-Authorization: Basic " + base64("us@er:hunter:2") + "\r\n"));
    CHECK_FALSE(contains(w.through->heads().front(), authorization));
    CHECK_FALSE(contains(w.vendor->heads().front(), "Proxy"));

    w.through->script({"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", sim::then::close});
    w.start();
    answer refused = w.get(w.path(2));
    CHECK(refused.status == 502);
    CHECK(contains(refused.body, "refuses the user and password"));
    for (const std::string& text : {refused.raw, w.out.text()})
    {
        CHECK_FALSE(contains(text, "hunter"));
        CHECK_FALSE(contains(text, "us%40er"));
        CHECK_FALSE(contains(text, base64("us@er:hunter:2")));
    }
    CHECK(contains(w.out.text(), "proxy=http://***@127.0.0.1:"));
}

TEST_CASE("a proxy that says no or nonsense: 502 in clear words, and no API call is spent")
{
    std::string lines;
    while (lines.size() < 32 << 10) lines += "X-Line: without an end\r\n";
    struct
    {
        std::string answer, words;
    } rows[] = {
        {"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", "wants a user and a password (407)"},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "does not allow a way to api.gong.example:443 (403)"},
        {"HTTP/1.0 503 Down\r\n\r\n", "does not get through to api.gong.example:443 (503)"},
        {"HTTP/1.1 302 Found\r\nLocation: http://login.corp/\r\n\r\n", "with status 302; is it a proxy?"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "with nonsense"},
        {"HTTP/2 200\r\n\r\n", "with nonsense"},
        {"HTTP/1.1 200 OK\n\n", "with nonsense"},
        {"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n", "with nonsense"},
        {"HTTP/1.1 407 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "with nonsense"},
        {"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", "with nonsense"},
        {"HTTP/1.1 101 Switching\r\n\r\n", "with nonsense: status 101"},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "more came than the head of its answer"},
        {"HTTP/1.1 200 OK\r\n" + lines, "its head has no end within 16384 bytes"},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(32 << 10, 'x'), "its head has no end within 16384 bytes"},
        {"", "hung up"},
        {"HTTP/1.1 200 O", "hung up"},
    };
    proxied_harness w;
    for (const auto& row : rows)
    {
        INFO(row.answer.substr(0, 80));
        w.through->script({row.answer, sim::then::close});
        w.start();
        answer a = w.get(w.path(1));
        CHECK(a.status == 502);
        INFO(a.body);
        CHECK(contains(a.body, "the proxy 127.0.0.1:" + std::to_string(w.through->port())));
        CHECK(contains(a.body, row.words));
        CHECK(w.cache->misses().report().spending.spent == 0);
    }
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("an interim answer is read over, and a 2xx of the proxy has no body, whatever its fields say")
{
    proxied_harness w;
    w.through->script({"HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"});
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    std::string interim = "HTTP/1.1 103 Early\r\n\r\n", many;
    for (int i = 0; i < 20; ++i) many += interim;
    w.through->script({many + "HTTP/1.1 200 OK\r\n\r\n"});
    w.start();
    CHECK(contains(w.get(w.path(2)).body, "many interim answers"));
}

TEST_CASE("a proxy that does not answer CONNECT: 504 once upstream.connect_timeout is over")
{
    proxied_harness w;
    w.clock_runs = true;
    w.config.upstream.connect_timeout = 3s;
    w.through->script({"HTTP/1.1 200 OK\r\nX: ", sim::then::hang});
    w.start();
    auto began = w.clock.steady();
    answer a = w.get(w.path(1));
    CHECK(a.status == 504);
    CHECK(contains(a.body, "did not answer CONNECT in time"));
    CHECK(w.clock.steady() - began >= 3s);
    CHECK(w.clock.steady() - began < 4s);
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("a proxy that is not there: 502 that names it, and the outage breaker as with an upstream that is down")
{
    proxied_harness w;
    std::string gone = w.through->url();
    w.through.reset();
    w.start();
    CHECK(contains(w.get(w.path(1)).body, "the proxy 127.0.0.1 at 127.0.0.1: Connection refused"));
    for (std::uint64_t n = 2; n <= 5; ++n) CHECK(w.get(w.path(n)).status == 502);
    CHECK(w.get(w.path(6)).has("retry-after"));
    w.config.upstream.proxy = "http://" + host_without_address + ":3128";
    w.start();
    CHECK(contains(w.get(w.path(1)).body, "no address for " + host_without_address + " (upstream.proxy)"));
}

TEST_CASE("the certificate has to be the vendor's, and not the proxy's")
{
    proxied_harness w("127.0.0.1");
    w.start();
    answer a = w.get(w.path(1));
    CHECK(a.status == 502);
    CHECK(contains(a.body, "TLS with api.gong.example through the proxy 127.0.0.1"));
    CHECK(contains(a.body, "mismatch"));
    CHECK(w.vendor->requests() == 0);
}

TEST_SUITE_END();
