// Makes a database of so many kept calls, through the store's own code, and says how fast they were kept.
//
//   bench-fill FILE UPSTREAM AUTHORIZATION ENTRIES [SECONDS [TIMED]]
//
// It takes SECONDS at most: then there are fewer. The last TIMED of the entries come in no order of their keys, as
// calls do, and are what is timed; those before them come in order, which is quicker. Without TIMED that is all of
// them.

#include "cache/file_system.hpp"
#include "cache/partition.hpp"
#include "cache/store.hpp"
#include "server/async/system_clock.hpp"
#include "server/secrets/identity.hpp"
#include "tests/bench/bench_call.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

using namespace callcache;

namespace
{

constexpr std::uint64_t batch = 40'000;  // queued, and then waited for; the store's queue takes so many

std::unique_ptr<store> open(const std::string& path, const clock_source& clock)
{
    store_options o;
    o.path = path;
    o.bytes_max = std::uint64_t(1) << 40;
    o.keep_max = std::chrono::hours(30 * 24);
    o.clock = [&clock] { return clock.wall(); };
    o.warn = [](const std::string& line) { std::fprintf(stderr, "bench-fill: %s\n", line.c_str()); };
    auto opened = open_sqlite_store(o);
    if (auto* refused = std::get_if<store_refused>(&opened))
    {
        std::fprintf(stderr, "bench-fill: %s\n", refused->text.c_str());
        std::exit(1);
    }
    return std::move(std::get<std::unique_ptr<store>>(opened));
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 5)
        return std::fprintf(stderr, "usage: bench-fill FILE UPSTREAM AUTHORIZATION ENTRIES [SECONDS [TIMED]]\n"), 2;
    const std::uint64_t wanted = std::strtoull(argv[4], nullptr, 10);
    const double seconds_max = argc > 5 ? std::atof(argv[5]) : 1e9;
    const std::uint64_t timed =
        argc > 6 ? std::min<std::uint64_t>(wanted, std::strtoull(argv[6], nullptr, 10)) : wanted;
    std::vector<std::string> in_order;
    for (std::uint64_t n = 0; n < wanted - timed; ++n) in_order.push_back(bench::id_of(n));
    std::sort(in_order.begin(), in_order.end());

    system_clock clock;
    auto disk = open(argv[1], clock);
    partitions known(disk->salt(), argv[2], {});
    identity who = identity_of(argv[3]);
    partition_ptr whose = known.of(who.scheme, who.credential);
    known.enroll(*whose);

    entry e;
    e.content_type = "application/json";
    e.etag = "\"0123456789abcdef0123456789abcdef\"";
    e.fresh_for = std::chrono::hours(24);
    const auto begun = clock.steady();
    auto seconds_since = [&](steady_time t) { return std::chrono::duration<double>(clock.steady() - t).count(); };
    std::uint64_t n = 0;
    // Queues a batch up to that entry, and waits until it is written.
    auto keep_until = [&](std::uint64_t end) {
        e.sent_at = clock.wall();
        for (end = std::min(end, n + batch); n < end; ++n)
        {
            const std::string id = n < in_order.size() ? std::move(in_order[n]) : bench::id_of(n);
            e.body = bench::body_of(id);
            disk->put(entry_key(key_view{whose->id(), id}), std::make_shared<const entry>(e));
        }
        // The credential counts as accepted, so that what is kept is served. Written behind the batch.
        whose->confirm(e.sent_at);
        whose->use(e.sent_at);
        std::promise<bool> written;
        disk->put_partition(whose->record(), [&](bool good) { written.set_value(good); });
        if (written.get_future().get()) return;
        std::fprintf(stderr, "bench-fill: not written\n");
        std::exit(1);
    };
    while (n < wanted - timed && seconds_since(begun) < seconds_max) keep_until(wanted - timed);
    const auto timed_since = clock.steady();
    const std::uint64_t timed_from = n;
    if (n == wanted - timed)
        while (n < wanted && seconds_since(begun) < seconds_max) keep_until(wanted);
    std::printf("{\"entries\": %llu, \"seconds\": %.3f, \"a_second\": %.0f}\n", static_cast<unsigned long long>(n),
                seconds_since(begun), double(n - timed_from) / seconds_since(timed_since));
}
