// Counts what was sent upstream, how it ended and how long it took.
#pragma once

#include "cache/time.hpp"
#include "server/fetch/duplicate_fetches.hpp"
#include "server/telemetry/request_counts.hpp"
#include "server/text/tool_names.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace callcache
{

enum class upstream_kind
{
    lookup,   // a call, for who waits
    refresh,  // a call or a kept route, for nobody in particular
    route,    // a kept route
    bulk,     // several calls at once
    pass,     // what passes through
};

constexpr std::string_view word(upstream_kind k)
{
    switch (k)
    {
    case upstream_kind::lookup: return "lookup";
    case upstream_kind::refresh: return "refresh";
    case upstream_kind::route: return "route";
    case upstream_kind::bulk: return "bulk";
    case upstream_kind::pass: return "pass";
    }
    return "";
}

struct kind_totals
{
    std::map<unsigned, std::uint64_t> by_status;  // 0: there was no answer, or one of no HTTP status
    latency took;                                 // from the sending to the answer's end; of a pass, to its head
};
struct upstream_totals
{
    std::map<upstream_kind, kind_totals> by_kind;
    std::uint64_t sent = 0;
    std::map<std::string, std::uint64_t, std::less<>> sent_by_tool;  // whose turn it was; a bulk read is one
    std::uint64_t retries = 0;
};

// Pure; one thread.
class upstream_counts
{
public:
    void sent(const tool_names&, std::string_view tool);
    void ended(upstream_kind, unsigned status, steady_time::duration took);
    void retried() { ++total_.retries; }
    const upstream_totals& total() const { return total_; }

    // As in duplicate_fetches.
    void fetched(std::string_view id, const digest& name, bool alone, wall_time now)
    {
        duplicates_.fetched(id, name, alone, now);
    }
    duplicate_report duplicates(wall_time now) const { return duplicates_.report(now); }

private:
    upstream_totals total_;
    duplicate_fetches duplicates_;
};

}  // namespace callcache
