// What the parts of the miss path share: one of each, on the fetch loop.
#pragma once

#include "cache/ledger.hpp"
#include "cache/partition.hpp"
#include "cache/tiers.hpp"
#include "cache/trust.hpp"
#include "config/address.hpp"
#include "config/live_settings.hpp"
#include "server/budget/gate.hpp"
#include "server/budget/pause_steps.hpp"
#include "server/budget/shed_steps.hpp"
#include "server/fetch/bulk_reads.hpp"
#include "server/fetch/failing_ids.hpp"
#include "server/fetch/flight_table.hpp"
#include "server/fetch/newcomers.hpp"
#include "server/fetch/own_host.hpp"
#include "server/fetch/read_sizes.hpp"
#include "server/fetch/retry_budget.hpp"
#include "server/fetch/upstream_counts.hpp"
#include "server/fetch/way_out.hpp"
#include "server/telemetry/log.hpp"
#include "server/upstream/pool.hpp"

#include <atomic>
#include <map>
#include <set>
#include <tuple>

namespace callcache
{

// What the fetcher works with. All of it outlives it.
struct fetcher_parts
{
    executor loop;
    const live_settings& config;
    origin upstream;
    std::shared_ptr<asio::ssl::context> tls;
    tiers& kept;
    partitions& known;
    const clock_source& clock;
    callcache::log& out;
    ledger& book;
    calendar day;  // budget.day

    // What callcache itself is known by, complete before the loop runs.
    std::shared_ptr<const own_marks> own = nullptr;
};

// Fetch loop only, but for the atomics. What runs on the loop shares it; it ends at the latest with the loop.
struct miss_path : std::enable_shared_from_this<miss_path>
{
    explicit miss_path(const fetcher_parts&);

    const fetcher_parts parts;
    gate permits;
    connection_pool pool;
    breaker outage;
    const way_out way;
    flight_table flights;
    refused_credentials refused;
    callcache::newcomers newcomers;
    failing_ids failing;
    bulk_reads bulk;
    callcache::read_sizes read_sizes;
    retry_budget retries;
    upstream_counts counts;
    std::map<std::tuple<const partition*, std::string, std::uint64_t>, std::weak_ptr<const read_group>> read_groups;
    std::map<digest, wall_time> doubted;  // credentials, for a read whose answer was not understood: when last
    std::set<const partition*> renewing;  // whose trust a flight is about to renew
    std::map<partition_id, wall_time> confirmation_written;
    std::set<relay_channel_ptr> relays;  // whose fronts have not finished with them
    std::string vendor_remaining;        // its last x-ratelimit-remaining
    std::atomic<bool> is_stretched{false};
    std::atomic<steady_time> no_refresh_before{steady_time()};  // Gong is down; for the fronts
    alarm stretch_again, pause_is_over;
    shed_steps steps;
    pause_steps pauses;
    own_host_signs host_signs;
    std::set<const route_settings*> routes_not_kept;  // of which that was said
    bool draining = false;

    const settings& config() const { return *parts.config; }
    moment now() const { return parts.clock.now(); }
    trust trust_of(const partition& p) const { return trust_at(p.confirmed_at(), now().wall, config()); }
    const budget& spending() const { return permits.spending(); }

    // As the log calls the tool that began it.
    std::string tool_of(const flight& f) const { return spending().tools().find(f.first.tool); }
};
using miss_path_ptr = std::shared_ptr<miss_path>;

// Runs what becomes of a flight. A mistake of ours ends the flight as a failure, and nothing else.
task<void> run_flight(miss_path_ptr, flight_ptr, task<void> what);

}  // namespace callcache
