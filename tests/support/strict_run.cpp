#include "tests/support/strict_run.hpp"

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace callcache::test
{
namespace
{

constexpr int tools = 20, connections_of_each = 5, lookups = 3000;

std::size_t most_in_a_second(std::uint16_t vendor_port)
{
    const std::string counts = plain_client(vendor_port).get("/sim/stats", "").body, name = "\"most_in_a_second\":";
    std::size_t at = counts.find(name);
    return at == std::string::npos ? 0 : std::stoul(counts.substr(at + name.size()));
}

}  // namespace

strict_result run_strictly(std::chrono::seconds for_so_long, const strict_vendor& how)
{
    const std::string key = sim::basic("key", "secret");
    sim::vendor_options o;
    o.keys[key] = {};
    o.limits = {3, 0};
    o.way_jitter = how.way_jitter;
    o.latency = how.latency;
    o.stall_every = how.stall_every;
    o.stall = how.stall;
    o.catalogue.not_found_every = 0;
    vendor_thread vendor(o);
    temp_folder folder;
    serving s(vendor.url(), folder.file("cache.db"),
              {"--set", "budget.wait_max=20m", "--set", "budget.queue_max=4000", "--set", "log.access=off", "--set",
               "bulk.mode=off"});
    if (s.port == 0) return {};

    std::atomic<bool> stop{false};
    std::atomic<std::size_t> wrong{0};
    std::atomic<std::uint64_t> next{0};
    std::vector<std::thread> threads;
    auto begun = std::chrono::steady_clock::now();
    for (int n = 0; n < tools * connections_of_each; ++n)
        threads.emplace_back([&, tool = "/@tool" + std::to_string(n % tools)] {
            plain_client client(s.port);
            while (!stop)
            {
                std::uint64_t number = next++;
                if (number >= lookups) return;
                const std::string id = vendor.catalogue().id(number);
                auto a = client.get(tool + "/v2/calls/" + id, key);
                if (a.status == 0) return;
                if (a.status != 200 || !a.body.ends_with(",\"call\":" + *vendor.catalogue().call(id) + "}")) ++wrong;
            }
        });
    s.process.says("no line says this", for_so_long);
    strict_result r;
    r.requests = vendor.requests();
    r.refused = vendor.refused();
    r.wrong = wrong;
    r.most_in_a_second = most_in_a_second(vendor.port());
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    stop = true;
    s.process.signal(SIGKILL);
    for (auto& t : threads) t.join();
    return r;
}

}  // namespace callcache::test
