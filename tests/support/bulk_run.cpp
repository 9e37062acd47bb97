#include "tests/support/bulk_run.hpp"

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>

#include <poll.h>

namespace callcache::test
{

bulk_result run_in_bulk(const bulk_load& load)
{
    constexpr std::size_t tools = 20;
    sim::vendor_options o;
    std::vector<std::string> keys;
    for (std::size_t n = 0; n < load.credentials; ++n)
    {
        keys.push_back(sim::basic("key" + std::to_string(n), "secret"));
        o.keys[keys.back()] = {true, load.extensive};
    }
    o.limits = {3, 10'000};
    vendor_thread vendor(o);
    temp_folder folder;
    std::vector<std::string> arguments{"--set", "log.access=off"};
    arguments.insert(arguments.end(), load.further.begin(), load.further.end());
    std::optional<serving> s;
    stand_in other;
    if (load.instead)
        other = load.instead(vendor.port());
    else
        s.emplace(vendor.url(), folder.file("cache.db"), arguments);
    const std::uint16_t port = s ? s->port : other.port;
    child* const process = s ? &s->process : other.process.get();
    bulk_result r;
    if (port == 0) return r;

    std::atomic<std::uint64_t> next{0};
    std::atomic<std::size_t> running{load.connections};
    std::mutex mutex;
    std::vector<std::thread> threads;
    auto begun = std::chrono::steady_clock::now();
    auto asks = [&](std::size_t n) {
        plain_client client(port);
        const std::string tool = s ? "/@tool" + std::to_string(n % tools) : "", &key = keys[n % keys.size()];
        for (std::uint64_t number = next++; number < load.calls; number = next++)
        {
            const std::string id = vendor.catalogue().id(number);
            auto a = client.get(tool + "/v2/calls/" + id, key);
            auto call = vendor.catalogue().is_found(number) ? vendor.catalogue().call(id) : std::nullopt;
            bool right = call ? a.status == 200 && a.body.ends_with(",\"call\":" + *call + "}") : a.status == 404;
            std::lock_guard lock(mutex);
            ++(right ? r.answered : r.wrong);
            if (!right && r.first_wrong.empty()) r.first_wrong = a.head + a.body;
            if (a.status == 0) break;
        }
        if (--running == 0) r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    };
    for (std::size_t n = 0; n < load.connections; ++n) threads.emplace_back(asks, n);
    auto ends = begun + load.at_most;
    while (running > 0 && std::chrono::steady_clock::now() < ends)
    {
        constexpr auto a_moment = std::chrono::milliseconds(50);
        if (process)
            process->says("no line says this", a_moment);
        else
            poll(nullptr, 0, int(a_moment.count()));
    }
    if (running > 0) r.seconds = std::chrono::duration<double>(load.at_most).count();
    r.api_calls = vendor.requests();
    r.refused = vendor.refused();
    const auto heads = vendor.heads();
    r.bulk_reads = std::size_t(std::count_if(
        heads.begin(), heads.end(), [](const std::string& h) { return h.starts_with("POST /v2/calls/extensive"); }));
    next = load.calls;
    if (process) process->signal(SIGKILL);
    for (auto& t : threads) t.join();
    return r;
}

}  // namespace callcache::test
