// Looks at everything that runs, and says what there is to see.
//
// It makes one value, the overview. The pages /stats and /metrics and the headline are pure functions of that, and
// `callcache stats` shows /stats. Everything is counted where it happens: answers by each front (request_counts), what
// goes upstream by the fetcher (upstream_counts), the minutes of the last day from the totals (last_day).
#pragma once

#include "cache/tiers.hpp"
#include "config/live_settings.hpp"
#include "server/admin/overview.hpp"
#include "server/admin/process_reader.hpp"
#include "server/alerts/alerts.hpp"
#include "server/async/clock.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/tls_identity.hpp"
#include "server/telemetry/log_watch.hpp"

#include <functional>
#include <mutex>

namespace callcache
{

// Any thread.
class observer
{
public:
    struct parts
    {
        const live_settings& config;
        const origin& upstream;
        tiers& kept;
        fetcher& misses;
        const request_counts& requests;
        const refused_tools& refused;
        const log_watch& out;
        const clock_source& clock;
        std::function<std::size_t()> connections;  // of tools
        const tls_identity_holder* tls;            // towards tools; null: none
        const callcache::alerts* alerts;           // null: none are sent
    };
    explicit observer(parts);

    // About every second: what was asked since counts for the minute in which this is called.
    void look();

    // The fetcher is asked too, and whoever awaits this goes on where it was.
    task<overview> now();

private:
    const parts parts_;
    const wall_time started_;
    process_reader process_;
    std::mutex mutex_;
    last_day day_;
};

}  // namespace callcache
