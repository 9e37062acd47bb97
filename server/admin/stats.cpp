#include "server/admin/stats.hpp"

#include "server/admin/headline.hpp"
#include "server/text/json_text.hpp"

#include <map>

namespace callcache
{
namespace
{

void put_counts(json_text& json, const outcome_counts& counts)
{
    for (const auto& [o, count] : counts) json(word(o), count);
}

// The part of a latency below which `share` of them lie, evenly spread within each bucket as Prometheus has it;
// nothing if there are none.
std::optional<double> quantile(const latency& l, double share)
{
    if (l.count == 0) return std::nullopt;
    double before = 0, wanted = share * double(l.count);
    for (std::size_t i = 0; i < latency_bounds_seconds.size(); ++i)
    {
        double within = double(l.within[i]);
        double low = i == 0 ? 0 : latency_bounds_seconds[i - 1], high = latency_bounds_seconds[i];
        if (within > 0 && before + within >= wanted) return low + (high - low) * (wanted - before) / within;
        before += within;
    }
    return latency_bounds_seconds.back();
}

void put_budget(json_text& json, const overview& o)
{
    const budget_report& b = o.upstream.spending;
    std::optional<wall_time> exhausted, paused_until;
    if (b.ends_in) exhausted = o.now + *b.ends_in;
    if (b.paused_for > duration(0)) paused_until = o.now + b.paused_for;
    json("daily", b.daily);
    json("spent", b.spent);
    json("left", b.daily == 0 ? std::nullopt : std::optional(b.left));
    json("rate", o.rate);
    json("burst", o.burst);
    json("day", o.day);
    json("ration", word(b.shedding));
    json("exhausted_timestamp", exhausted);
    json("paused_until_timestamp", paused_until);
    json("ledger_durable", b.ledger == ledger_state::durable);
    json("ledger_ours", b.ledger != ledger_state::not_ours);
    json("wait_seconds", std::chrono::duration<double>(b.wait).count());
    json("queue", [&] {
        json("interactive", b.interactive);
        json("background", b.background);
    });
    json("spent_by_tool", [&] {
        for (const auto& [tool, spent] : b.tools) json(tool, spent);
    });
}

void put_upstream(json_text& json, const overview& o)
{
    const upstream_report& u = o.upstream;
    std::map<unsigned, std::uint64_t> by_status;
    json("url", o.upstream_url);
    json("up", u.is_up);
    json("requests", u.totals.sent);
    json("ratelimit_remaining", u.vendor_remaining.empty() ? std::nullopt : std::optional(u.vendor_remaining));
    json("flights", u.flights);
    json("by_kind", [&] {
        for (const auto& [kind, totals] : u.totals.by_kind)
        {
            for (const auto& [status, count] : totals.by_status) by_status[status] += count;
            json(word(kind), [&took = totals.took, &json] {
                json("requests", took.count);
                json("p50_seconds", quantile(took, 0.5));
                json("p99_seconds", quantile(took, 0.99));
            });
        }
    });
    json("by_status", [&] {
        for (const auto& [status, count] : by_status) json(status == 0 ? "none" : std::to_string(status), count);
    });
}

void put_requests(json_text& json, const overview& o)
{
    std::map<std::string, outcome_counts> by_tool;
    for (const auto& [labels, count] : o.requests.requests) by_tool[std::get<2>(labels)][std::get<1>(labels)] += count;
    outcome_counts hour;
    for (const last_day::minute& m : o.last_hour)
        for (const auto& [word, count] : m.count) hour[word] += count;
    json("total", [&] { put_counts(json, by_outcome(o.requests)); });
    json("last_hour", [&] { put_counts(json, hour); });
    json.list("last_hour_by_minute", o.last_hour, [&](const last_day::minute& m) {
        json("timestamp", m.began);
        put_counts(json, m.count);
    });
    json("by_tool", [&] {
        for (const auto& [tool, counts] : by_tool) json(tool, [&, &counts = counts] { put_counts(json, counts); });
    });
}

void put_cache(json_text& json, const overview& o)
{
    auto tiers = [&](std::string_view name, std::uint64_t memory, std::uint64_t disk) {
        json(name, [&] {
            json("memory", memory);
            json("disk", disk);
        });
    };
    tiers("entries", o.memory_entries, o.disk.entries);
    tiers("bytes", o.memory_bytes, o.disk.bytes);
    json("memory_max", o.memory_max);
    json("disk_max", o.disk_max);
    json("writable", o.disk.writable);
}

void put_bulk(json_text& json, const bulk_report& b)
{
    json("batches", b.batches);
    json("calls", b.calls);
    json("fallbacks", b.fallbacks);
    json("checks", b.checks);
    json("differences", b.differences);
    json("api_calls_saved", b.saved);
}

}  // namespace

std::string stats_document(const overview& o, std::optional<bool> resumed)
{
    return json_line([&](json_text& json) {
        if (resumed) json("resumed", *resumed);
        json("version", o.version);
        json("mode", o.mode);
        json("started_timestamp", o.started);
        json("now_timestamp", o.now);
        json("headline", headline(o));
        json.list("refused", o.refused, [&](const refused_tools::row& r) {
            json("tool", r.tool);
            json("why", r.why);
            json("count", r.count);
            json("since_timestamp", r.since);
            json("last_timestamp", r.last);
        });
        json("budget", [&] { put_budget(json, o); });
        json("upstream", [&] { put_upstream(json, o); });
        json("requests", [&] { put_requests(json, o); });
        json("cache", [&] { put_cache(json, o); });
        json("bulk", [&] { put_bulk(json, o.upstream.bulk); });
        json("duplicate_fetches", o.upstream.duplicates.today);
        json("log", [&] {
            json("warnings", o.warnings);
            json("errors", o.errors);
            json("lines_dropped", o.log_lines_dropped);
        });
        json("hints", hints(o));
        json.list("recent_errors", o.latest_errors, [&](const recent_error& e) {
            json("timestamp", e.last);
            json("text", e.text);
            json("count", e.count);
        });
    });
}

}  // namespace callcache
