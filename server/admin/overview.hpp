// All that an operator can be told, at one moment.
#pragma once

#include "cache/store.hpp"
#include "server/admin/last_day.hpp"
#include "server/alerts/alert_counts.hpp"
#include "server/fetch/report.hpp"
#include "server/telemetry/recent_errors.hpp"
#include "server/telemetry/refused_tools.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// What the system says of this process.
struct process_figures
{
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;  // 0: not known, as there is no /proc; so too the number of descriptors
    std::uint64_t descriptors = 0, descriptors_max = 0;
};

struct overview
{
    std::string version;
    std::string mode;  // as the key of this name
    wall_time started{}, now{};

    std::string upstream_url;
    double rate = 0;  // as in the configuration, like those that follow
    std::uint64_t burst = 0;
    std::string day;
    bool may_share = false;  // several credentials could share a cache, and do not
    upstream_report upstream;

    request_totals requests;
    std::vector<last_day::minute> last_hour;
    outcome_counts of_the_day;
    std::vector<refused_tools::row> refused;   // now, those that are refused most first
    std::size_t connections = 0;               // of tools
    std::optional<wall_time> certificate_end;  // towards tools; nothing without TLS
    std::optional<alert_counts> alerts;        // nothing without alerts.webhook_file

    std::uint64_t memory_entries = 0, memory_bytes = 0, memory_max = 0, memory_evicted = 0;
    store::state disk;
    std::uint64_t disk_max = 0;  // 0: there is no database

    process_figures process;
    std::uint64_t warnings = 0, errors = 0;  // logged
    std::uint64_t log_lines_dropped = 0;     // as nobody read the log
    std::vector<recent_error> latest_errors;
};

}  // namespace callcache
