#include "server/admin/stats.hpp"

#include "server/visible.hpp"

namespace callcache
{
namespace
{

std::string_view word(ration r)
{
    switch (r)
    {
    case ration::plenty: return "plenty";
    case ration::stretched: return "stretched";
    case ration::interactive: return "interactive";
    case ration::spent: return "spent";
    }
    return "";
}

std::string timestamp(std::optional<duration> in, wall_time now)
{
    if (!in) return "null";
    return std::to_string(whole_seconds((now + *in).time_since_epoch()));
}

std::string quoted(std::string_view text)
{
    return "\"" + json_escaped(text) + "\"";
}

}  // namespace

std::string stats_document(const upstream_report& r, wall_time now)
{
    const budget_report& b = r.spending;
    std::string tools;
    for (const auto& [tool, spent] : b.tools)
        tools += (tools.empty() ? "" : ",") + quoted(tool) + ":" + std::to_string(spent);
    std::string paused = b.paused_for > duration(0) ? timestamp(b.paused_for, now) : "null";
    std::string left = b.daily == 0 ? "null" : std::to_string(b.left);
    return "{\"budget\":{\"daily\":" + std::to_string(b.daily) + ",\"spent\":" + std::to_string(b.spent) +
           ",\"left\":" + left + ",\"ration\":" + quoted(word(b.rationed)) +
           ",\"exhausted_timestamp\":" + timestamp(b.ends_in, now) + ",\"paused_until_timestamp\":" + paused +
           ",\"ledger_durable\":" + (b.durable ? "true" : "false") +
           ",\"queue\":{\"interactive\":" + std::to_string(b.interactive) +
           ",\"background\":" + std::to_string(b.background) + "},\"spent_by_tool\":{" + tools +
           "}},\"upstream\":{\"up\":" + (r.is_up ? "true" : "false") + ",\"requests\":" + std::to_string(r.sent) +
           ",\"ratelimit_remaining\":" + (r.vendor_remaining.empty() ? "null" : quoted(r.vendor_remaining)) +
           ",\"flights\":" + std::to_string(r.flights) + "},\"bulk\":{\"batches\":" + std::to_string(r.bulk.batches) +
           ",\"calls\":" + std::to_string(r.bulk.calls) + ",\"fallbacks\":" + std::to_string(r.bulk.fallbacks) +
           ",\"checks\":" + std::to_string(r.bulk.checks) + ",\"differences\":" + std::to_string(r.bulk.differences) +
           ",\"api_calls_saved\":" + std::to_string(r.bulk.saved) + "}}\n";
}

}  // namespace callcache
