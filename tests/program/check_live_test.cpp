// `callcache check --live` as a user types it, against the simulated vendor over TLS.

#include "tests/sim/certificate.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::vector<std::string> gong_key{"GONG_ACCESS_KEY=key", "GONG_ACCESS_KEY_SECRET=secret"};

struct checked_program
{
    explicit checked_program(const std::string& name = "localhost") : certificate(made_for(name)), vendor(options())
    {
        std::ofstream(folder.file("ca.pem")) << certificate.authority;
    }

    static sim::certificate made_for(const std::string& name)
    {
        sim::certificate_wishes w;
        w.name = name;
        return sim::make_certificate(w);
    }

    sim::vendor_options options() const
    {
        sim::vendor_options o;
        o.keys[sim::basic("key", "secret")] = {};
        o.keys[sim::basic("limited", "secret")] = {true, false};
        o.tls_certificate = certificate.chain;
        o.tls_key = certificate.key;
        return o;
    }

    finished check(const std::string& id = "", const std::vector<std::string>& environment = gong_key) const
    {
        std::vector<std::string> a{"check", "--upstream", url,
                                   "--db",  database,     "--admin",
                                   admin,   "--set",      "upstream.ca_file=" + folder.file("ca.pem"),
                                   "--live"};
        if (!id.empty()) a.push_back(id);
        return run(callcache_program, a, {environment, "", 0});
    }

    temp_folder folder;
    sim::certificate certificate;
    vendor_thread vendor;
    std::string url = "https://localhost:" + std::to_string(vendor.port());
    std::string database = folder.file("cache.db"), admin = "127.0.0.1:1";
};

bool contains(const finished& f, const std::string& part)
{
    INFO(f.output);
    CHECK(f.output.find(part) != std::string::npos);
    return f.output.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("check --live goes all the way with two API calls, and says what a tool of this credential may expect")
{
    checked_program p;
    finished good = p.check();
    CHECK(good.code == 0);
    for (const char* line : {"DNS: ok", "connection: ok", "TLS: ok", "budget: ok", "credential: ok", "bulk reads: ok"})
        CHECK(contains(good, line));
    CHECK(p.vendor.requests() == 2);

    finished limited = p.check("", {"GONG_ACCESS_KEY=limited", "GONG_ACCESS_KEY_SECRET=secret"});
    CHECK(limited.code == 0);
    CHECK(contains(limited, "lookups will go singly, 3 a second"));
    CHECK(contains(limited, "9998 of the day's 10000"));

    finished wrong = p.check("", {"GONG_ACCESS_KEY=hidden-key", "GONG_ACCESS_KEY_SECRET=hidden-secret"});
    CHECK(wrong.code == 1);
    CHECK(contains(wrong, "credential: failed: Gong refuses it (401)"));
    CHECK(wrong.output.find("hidden") == std::string::npos);
    CHECK(p.vendor.requests() == 5);
    CHECK(p.vendor.refused() == 0);
}

TEST_CASE("check --live: with inject it is the configured credential, with forward and none it ends after TLS")
{
    checked_program p;
    finished none = p.check("", {});
    CHECK(none.code == 0);
    CHECK(contains(none, "TLS: ok"));
    CHECK(contains(none, "credential: not checked"));
    CHECK(p.vendor.requests() == 0);
    CHECK_FALSE(std::filesystem::exists(p.database + "-budget"));
    finished injected = p.check(std::string(sim::example_id),
                                {"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_ACCESS_KEY=key",
                                 "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET=secret"});
    CHECK(injected.code == 0);
    CHECK(contains(injected, "bulk reads: ok"));
    CHECK(p.vendor.requests() == 2);
    CHECK(p.check("12ab").code == 2);
}

TEST_CASE("check --live while a callcache runs: the budget is that one's, and nothing is sent")
{
    checked_program p;
    std::vector<std::string> ca{"--set", "upstream.ca_file=" + p.folder.file("ca.pem")};
    serving s(p.url, p.database, ca);
    REQUIRE(s.port != 0);
    finished refused = p.check();
    CHECK(refused.code == 1);
    CHECK(contains(refused, "TLS: ok"));
    CHECK(contains(refused,
                   "budget: failed: a callcache that runs (process " + std::to_string(s.process.pid()) + " on "));
    CHECK(contains(refused, " owns the budget"));
    s.process.signal(SIGTERM);
    CHECK(s.process.wait() == 0);
    CHECK(p.check().code == 0);
    CHECK(p.vendor.requests() == 2);

    serving memory(p.url, ":memory:", ca);
    REQUIRE(memory.port != 0);
    p.database = ":memory:";
    p.admin = "127.0.0.1:" + std::to_string(memory.admin_port);
    finished by_address = p.check();
    CHECK(by_address.code == 1);
    CHECK(contains(by_address, "budget: failed: a callcache that runs owns the budget"));
    CHECK(p.vendor.requests() == 2);
}

TEST_CASE("through the proxy of HTTPS_PROXY, whose password no command shows, a call is served and checked")
{
    checked_program p("api.gong.example");
    asio::io_context loop{1};
    connect_proxy through(loop.get_executor(), p.vendor.port());
    std::thread thread([&] { loop.run(); });
    std::vector<std::string> environment = gong_key;
    environment.push_back("HTTPS_PROXY=" + through.url("user:hunter2"));

    p.url = "https://api.gong.example";
    finished checked = p.check("", environment);
    CHECK(checked.code == 0);
    CHECK(contains(checked, "http://***@127.0.0.1:"));
    CHECK(contains(checked, "proxy: ok"));
    CHECK(contains(checked, "bulk reads: ok"));
    std::vector<std::string> ca{"--set", "upstream.ca_file=" + p.folder.file("ca.pem")};
    serving s(p.url, p.database, ca, {environment, "", 0});
    REQUIRE(s.port != 0);
    plain_client client(s.port);
    CHECK(client.get("/v2/calls/" + std::string(sim::example_id), sim::basic("key", "secret")).status == 200);
    s.process.signal(SIGTERM);
    CHECK(s.process.wait() == 0);

    std::string unsupported = "HTTPS_PROXY=https://user:hunter2@proxy:1";
    finished refused = p.check("", {unsupported});
    CHECK(refused.code == 1);
    CHECK(contains(refused, "a proxy that wants TLS itself, https://, is not supported"));
    for (const std::string& text : {checked.output, s.process.output(), refused.output})
        CHECK(text.find("hunter2") == std::string::npos);
    asio::post(loop, [&] { loop.stop(); });
    thread.join();
}

TEST_SUITE_END();
