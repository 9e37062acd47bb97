// What is kept, where, and for how long.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace callcache
{

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// The value of cache.client_min_age that means "a tool cannot force a fetch".
inline constexpr milliseconds never = milliseconds::max();

struct calls_settings
{
    milliseconds fresh_min = 5min;
    milliseconds fresh_max = 24h;
    std::uint64_t fresh_age_percent = 10;
    std::uint64_t stale_while_revalidate_percent = 100;
    milliseconds stale_if_error = 7 * 24h;
    milliseconds keep_max = 30 * 24h;
    milliseconds not_found_min = 10s;
    milliseconds not_found_max = 1h;
};

// A further GET path that is kept.
struct route_settings
{
    std::string path;  // "/v2/users/{id}"
    milliseconds fresh{};
    bool overrides = false;  // the vendor's no-store, no-cache, private and Set-Cookie do not count
};

// Whether a view of calls is answered from what is kept, and where that lies.
enum class view_keeping
{
    off,     // each request passes through, and nothing is kept
    memory,  // never on the disk
    on,
};

struct cache_settings
{
    std::string path = "callcache.db";  // ":memory:": the memory tier alone
    std::uint64_t memory_max = 128 << 20;
    std::uint64_t disk_max = 1 << 30;
    milliseconds client_min_age = 5min;
    milliseconds erasure_guard = 6h;
    calls_settings calls;
    view_keeping transcripts = view_keeping::on;
    view_keeping details = view_keeping::on;
    milliseconds transcripts_fresh_max = 7 * 24h;
    std::vector<route_settings> routes;  // the first that a path is of counts
};

}  // namespace callcache
