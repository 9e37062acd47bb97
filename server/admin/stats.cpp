#include "server/admin/stats.hpp"

#include "server/admin/headline.hpp"
#include "server/text/json_text.hpp"

#include <cstdio>
#include <map>

namespace callcache
{
namespace
{

std::string value(bool b)
{
    return b ? "true" : "false";
}

template<class Number>
requires std::integral<Number> &&(!std::same_as<Number, bool>)std::string value(Number n)
{
    return std::to_string(n);
}

std::string value(double seconds)
{
    char text[40];
    return std::string(text, std::size_t(std::snprintf(text, sizeof text, "%.6g", seconds)));
}

std::string value(wall_time t)
{
    return value(whole_seconds(t.time_since_epoch()));
}

std::string timestamp(std::optional<duration> in, wall_time now)
{
    return in ? value(now + *in) : "null";
}

json_members of(const outcome_counts& counts)
{
    json_members all;
    for (const auto& [o, count] : counts) all.emplace_back(word(o), value(count));
    return all;
}

// The part of a latency below which `share` of them lie, evenly spread within each bucket as Prometheus has it; null
// if there are none.
std::string quantile(const latency& l, double share)
{
    if (l.count == 0) return "null";
    double before = 0, wanted = share * double(l.count);
    for (std::size_t i = 0; i < latency_bounds_seconds.size(); ++i)
    {
        double within = double(l.within[i]);
        double low = i == 0 ? 0 : latency_bounds_seconds[i - 1], high = latency_bounds_seconds[i];
        if (within > 0 && before + within >= wanted) return value(low + (high - low) * (wanted - before) / within);
        before += within;
    }
    return value(latency_bounds_seconds.back());
}

std::string budget_json(const overview& o)
{
    const budget_report& b = o.upstream.spending;
    json_members tools;
    for (const auto& [tool, spent] : b.tools) tools.emplace_back(tool, value(spent));
    std::optional<duration> paused;
    if (b.paused_for > duration(0)) paused = b.paused_for;
    return json_object(
        {{"daily", value(b.daily)},
         {"spent", value(b.spent)},
         {"left", b.daily == 0 ? "null" : value(b.left)},
         {"rate", value(o.rate)},
         {"burst", value(o.burst)},
         {"day", json_string(o.day)},
         {"ration", json_string(word(b.shedding))},
         {"exhausted_timestamp", timestamp(b.ends_in, o.now)},
         {"paused_until_timestamp", timestamp(paused, o.now)},
         {"ledger_durable", value(b.ledger == ledger_state::durable)},
         {"ledger_ours", value(b.ledger != ledger_state::not_ours)},
         {"wait_seconds", value(std::chrono::duration<double>(b.wait).count())},
         {"queue", json_object({{"interactive", value(b.interactive)}, {"background", value(b.background)}})},
         {"spent_by_tool", json_object(tools)}});
}

std::string upstream_json(const overview& o)
{
    const upstream_report& u = o.upstream;
    json_members kinds, statuses;
    std::map<unsigned, std::uint64_t> by_status;
    for (const auto& [kind, totals] : u.totals.by_kind)
    {
        kinds.emplace_back(word(kind), json_object({{"requests", value(totals.took.count)},
                                                    {"p50_seconds", quantile(totals.took, 0.5)},
                                                    {"p99_seconds", quantile(totals.took, 0.99)}}));
        for (const auto& [status, count] : totals.by_status) by_status[status] += count;
    }
    for (const auto& [status, count] : by_status)
        statuses.emplace_back(status == 0 ? "none" : std::to_string(status), value(count));
    return json_object({{"url", json_string(o.upstream_url)},
                        {"up", value(u.is_up)},
                        {"requests", value(u.totals.sent)},
                        {"ratelimit_remaining", u.vendor_remaining.empty() ? "null" : json_string(u.vendor_remaining)},
                        {"flights", value(u.flights)},
                        {"by_kind", json_object(kinds)},
                        {"by_status", json_object(statuses)}});
}

std::string requests_json(const overview& o)
{
    std::map<std::string, outcome_counts> by_tool;
    for (const auto& [labels, count] : o.requests.requests) by_tool[std::get<2>(labels)][std::get<1>(labels)] += count;
    outcome_counts hour;
    std::vector<std::string> minutes;
    for (const last_day::minute& m : o.last_hour)
    {
        json_members row{{"timestamp", value(m.began)}};
        for (const auto& [word, json] : of(m.count)) row.emplace_back(word, json);
        for (const auto& [word, count] : m.count) hour[word] += count;
        minutes.push_back(json_object(row));
    }
    json_members tools;
    for (const auto& [tool, counts] : by_tool) tools.emplace_back(tool, json_object(of(counts)));
    return json_object({{"total", json_object(of(by_outcome(o.requests)))},
                        {"last_hour", json_object(of(hour))},
                        {"last_hour_by_minute", json_array(minutes)},
                        {"by_tool", json_object(tools)}});
}

std::string cache_json(const overview& o)
{
    auto tiers = [](auto memory, auto disk) { return json_object({{"memory", value(memory)}, {"disk", value(disk)}}); };
    return json_object({{"entries", tiers(o.memory_entries, o.disk.entries)},
                        {"bytes", tiers(o.memory_bytes, o.disk.bytes)},
                        {"memory_max", value(o.memory_max)},
                        {"disk_max", value(o.disk_max)},
                        {"writable", value(o.disk.writable)}});
}

std::string bulk_json(const bulk_report& b)
{
    return json_object({{"batches", value(b.batches)},
                        {"calls", value(b.calls)},
                        {"fallbacks", value(b.fallbacks)},
                        {"checks", value(b.checks)},
                        {"differences", value(b.differences)},
                        {"api_calls_saved", value(b.saved)}});
}

std::string log_json(const overview& o)
{
    return json_object(
        {{"warnings", value(o.warnings)}, {"errors", value(o.errors)}, {"lines_dropped", value(o.log_lines_dropped)}});
}

}  // namespace

std::string stats_document(const overview& o)
{
    std::vector<std::string> errors;
    for (const recent_error& e : o.latest_errors)
        errors.push_back(
            json_object({{"timestamp", value(e.last)}, {"text", json_string(e.text)}, {"count", value(e.count)}}));
    return json_object({{"version", json_string(o.version)},
                        {"mode", json_string(o.mode)},
                        {"started_timestamp", value(o.started)},
                        {"now_timestamp", value(o.now)},
                        {"headline", json_string(headline(o))},
                        {"budget", budget_json(o)},
                        {"upstream", upstream_json(o)},
                        {"requests", requests_json(o)},
                        {"cache", cache_json(o)},
                        {"bulk", bulk_json(o.upstream.bulk)},
                        {"duplicate_fetches", value(o.upstream.duplicates.today)},
                        {"log", log_json(o)},
                        {"hints", json_strings(hints(o))},
                        {"recent_errors", json_array(errors)}}) +
           "\n";
}

}  // namespace callcache
