// The budget of the program itself, by the machine's clock and on its disk.

#include "tests/support/programs.hpp"
#include "tests/support/strict_run.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

const std::string key = sim::basic("key", "secret");

std::size_t spent(std::uint16_t admin_port)
{
    std::string stats = plain_client(admin_port).get("/stats", "").body;
    std::size_t at = stats.find("\"spent\":");
    return at == std::string::npos ? 0 : std::stoul(stats.substr(at + 8));
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("at full load the vendor never says 429, on a quiet way and on one with jitter")
{
    strict_result quiet, jitter;
    std::thread other([&] { jitter = run_strictly(20s, 200ms); });
    quiet = run_strictly(20s, 0ms);
    other.join();
    for (const strict_result& r : {quiet, jitter})
    {
        MESSAGE(r.requests, " requests in ", r.seconds, " s, ", 100 * r.used(), " % of what is allowed");
        CHECK(r.refused == 0);
        CHECK(r.wrong == 0);
        CHECK(r.requests > 20);
    }
}

TEST_CASE("100 kill -9 under load: the ledger is never below what the vendor counted, and a kill costs at most a lease")
{
    constexpr int kills = 100;
    constexpr std::size_t lease = 20;  // ceil(rate)
    unsigned seed = std::random_device()();
    INFO("seed ", seed);
    std::mt19937 random(seed);
    temp_folder folder;
    sim::vendor_options o;
    o.keys[key] = {};
    o.limits = {0, 0};
    o.catalogue.not_found_every = 0;
    vendor_thread vendor(o);
    std::atomic<std::uint64_t> next{0};
    std::size_t excess = 0;
    for (int round = 0; round < kills; ++round)
    {
        serving s(vendor.url(), folder.file("cache.db"),
                  {"--set", "budget.rate=20", "--set", "budget.burst=2", "--set", "budget.margin=0ms", "--set",
                   "budget.daily=1000000", "--set", "log.access=off"});
        REQUIRE(s.port != 0);
        // What a killed one had sent has arrived by now, or never will.
        std::size_t believed = spent(s.admin_port), counted = vendor.requests();
        REQUIRE(believed >= counted);
        REQUIRE(believed - counted <= excess + lease);
        excess = believed - counted;
        std::vector<std::thread> tools;
        for (int n = 0; n < 6; ++n)
            tools.emplace_back([&] {
                plain_client client(s.port);
                while (client.get("/v2/calls/" + vendor.catalogue().id(next++), key).status != 0)
                {}
            });
        // Nothing is sent for 600 ms after a kill.
        s.process.says("no line says this", std::chrono::milliseconds(600 + random() % 500));
        s.process.signal(SIGKILL);
        for (auto& t : tools) t.join();
        s.process.wait();
    }
    std::size_t counted = vendor.requests();
    MESSAGE(kills, " kills, ", counted, " requests that the vendor counted, ", excess, " more in the ledger");
    CHECK(counted > kills);
}

TEST_SUITE_END();
