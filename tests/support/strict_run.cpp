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

}  // namespace

strict_result run_strictly(std::chrono::seconds for_so_long, std::chrono::milliseconds way_jitter)
{
    const std::string key = sim::basic("key", "secret");
    sim::vendor_options o;
    o.keys[key] = {};
    o.limits = {3, 0};
    o.way_jitter = way_jitter;
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
                auto a = client.get(tool + "/v2/calls/" + vendor.catalogue().id(number), key);
                if (a.status == 0) return;
                if (a.status != 200) ++wrong;
            }
        });
    s.process.says("no line says this", for_so_long);
    strict_result r;
    r.requests = vendor.requests();
    r.refused = vendor.refused();
    r.wrong = wrong;
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    stop = true;
    s.process.signal(SIGKILL);
    for (auto& t : threads) t.join();
    return r;
}

}  // namespace callcache::test
