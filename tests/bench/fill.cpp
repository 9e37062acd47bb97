// Makes a database of so many kept calls, through the store's own code, and says how fast they were kept.
//
//   bench-fill FILE UPSTREAM AUTHORIZATION ENTRIES [SECONDS]     at most so long: then there are fewer

#include "cache/file_system.hpp"
#include "cache/partition.hpp"
#include "cache/store.hpp"
#include "server/identity.hpp"
#include "server/system_clock.hpp"
#include "tests/bench/bench_call.hpp"

#include <cstdio>
#include <cstdlib>
#include <future>

using namespace callcache;

namespace
{

constexpr std::uint64_t batch = 10'000;  // queued, and then waited for

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
    if (argc < 5) return std::fprintf(stderr, "usage: bench-fill FILE UPSTREAM AUTHORIZATION ENTRIES [SECONDS]\n"), 2;
    const std::uint64_t wanted = std::strtoull(argv[4], nullptr, 10);
    const double seconds_max = argc > 5 ? std::atof(argv[5]) : 1e9;
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
    auto begun = clock.steady();
    double seconds = 0;
    std::uint64_t n = 0;
    while (n < wanted && seconds < seconds_max)
    {
        e.sent_at = clock.wall();
        for (std::uint64_t end = std::min(wanted, n + batch); n < end; ++n)
        {
            const std::string id = bench::id_of(n);
            e.body = bench::body_of(id);
            disk->put(entry_key(key_view{whose->id(), id}), std::make_shared<const entry>(e));
        }
        // The credential counts as accepted, so that what is kept is served. Written behind the batch.
        whose->confirm(e.sent_at);
        whose->use(e.sent_at);
        std::promise<bool> written;
        disk->put_partition(whose->record(), [&](bool good) { written.set_value(good); });
        if (!written.get_future().get()) return std::fprintf(stderr, "bench-fill: not written\n"), 1;
        seconds = std::chrono::duration<double>(clock.steady() - begun).count();
    }
    std::printf("{\"entries\": %llu, \"seconds\": %.3f, \"a_second\": %.0f}\n", static_cast<unsigned long long>(n),
                seconds, double(n) / seconds);
}
