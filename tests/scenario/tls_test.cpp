// Towards the vendor over TLS: the certificate and the host name are always verified.

#include "tests/sim/certificate.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct tls_harness : harness
{
    explicit tls_harness(const sim::certificate_wishes& wishes = {}) : made(sim::make_certificate(wishes))
    {
        vendor_options.tls_certificate = made.chain;
        vendor_options.tls_key = made.key;
        std::ofstream(folder.file("ca.pem")) << made.authority;
        config.upstream.ca_file = folder.file("ca.pem");
    }
    sim::certificate made;
};

}  // namespace

TEST_SUITE_BEGIN("scenario: TLS");

TEST_CASE("a call is fetched over TLS, and one connection carries many lookups")
{
    tls_harness w;
    w.start();
    for (std::uint64_t n = 1; n <= 5; ++n) CHECK(w.call_of(w.get(w.path(n))) == w.vendor->body(w.id(n)));
    CHECK(w.vendor->connections() == 1);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.vendor->close_idle();
    w.run_for_a_while();
    CHECK(w.get(w.path(6)).status == 200);
    CHECK(w.vendor->requests() == 6);
}

TEST_CASE("a connection that is new and had to wait for its turn is used, and not thrown away for its session tickets")
{
    tls_harness w;
    w.config.budget = {1, 1, 0ms, 2000, 1h};
    w.config.bulk.mode = bulk_mode::off;
    w.start();
    std::vector<std::unique_ptr<tool>> tools;
    for (std::uint64_t n = 0; n < 4; ++n)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", w.path(n * 2)));
    }
    for (auto& t : tools)
        while (!t->has_answer())
        {
            w.run_for_a_while();
            w.clock.advance(1s);
        }
    CHECK(w.vendor->requests() == 4);
    CHECK(w.vendor->connections() <= 2);
}

TEST_CASE("a certificate that is not trusted, is of another name, or has expired: 502, and no credential leaves")
{
    sim::certificate_wishes wishes;
    std::string why;
    bool own_authority = true;
    SUBCASE("of an authority that is not trusted")
    {
        own_authority = false;
        why = "certificate";
    }
    SUBCASE("of another name")
    {
        wishes.name = "api.gong.io";
        why = "mismatch";
    }
    SUBCASE("with the name as its common name alone")
    {
        wishes.is_alternative = false;
        why = "mismatch";
    }
    SUBCASE("expired")
    {
        wishes.valid_from_days = -10;
        wishes.valid_until_days = -1;
        why = "expired";
    }
    tls_harness w(wishes);
    if (!own_authority) std::ofstream(w.folder.file("ca.pem")) << sim::make_certificate().authority;
    w.start();
    answer a = w.get(w.path(1));
    CHECK(a.status == 502);
    CHECK(a.body.find("TLS with localhost") != std::string::npos);
    CHECK(a.body.find(why) != std::string::npos);
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("a certificate for an address is as good as one for a name")
{
    sim::certificate_wishes wishes;
    wishes.name = "127.0.0.1";
    tls_harness w(wishes);
    w.vendor = std::make_unique<sim::vendor>(w.loop.get_executor(), w.vendor_options, w.clock);
    w.config.upstream.url = "https://127.0.0.1:" + std::to_string(w.vendor->port());
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("an upstream that does not speak TLS, or not to the end: 502")
{
    harness w;
    w.start();
    w.config.upstream.url = "https://localhost:" + std::to_string(w.vendor->port());
    w.start();
    CHECK(w.get(w.path(1)).status == 502);
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("a CA file that cannot be read is a start that fails, and names the key")
{
    harness w;
    w.config.upstream.url = "https://localhost:1";
    w.config.upstream.ca_file = w.folder.file("absent.pem");
    CHECK(w.start_refused().find("upstream.ca_file") != std::string::npos);
}

TEST_CASE("a CA file that is replaced is read again; one that cannot be read leaves the one before in use")
{
    tls_harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    std::ofstream(w.folder.file("new")) << sim::make_certificate().authority;
    std::filesystem::rename(w.folder.file("new"), w.folder.file("ca.pem"));
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(2)).status == 502);
    std::ofstream(w.folder.file("ca.pem")) << "nonsense";
    std::filesystem::last_write_time(w.folder.file("ca.pem"), std::filesystem::file_time_type::clock::now() + 1h);
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(3)).status == 502);
    std::ofstream(w.folder.file("ca.pem")) << w.made.authority;
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(2)).status == 200);
}

TEST_CASE("each address of a name is tried: what listens on one of them is found")
{
    harness w;
    w.start();
    w.config.upstream.url = "http://localhost:" + std::to_string(w.vendor->port());  // ::1 refuses
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_SUITE_END();
