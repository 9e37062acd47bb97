#include "server/telemetry/refused_tools.hpp"

#include "server/text/human.hpp"
#include "server/text/tool_names.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

std::string times_text(std::uint64_t count)
{
    return count == 1 ? "once" : grouped(count) + " times";
}

std::string refused_text(const std::string& tool, const std::string& why)
{
    return tool + " is refused: " + why;
}

}  // namespace

bool refused_tools::has_room(bool is_strange) const
{
    return rows_.size() < rows_max && (!is_strange || strange_rows_ < strange_rows_max);
}

std::optional<std::string> refused_tools::note(const refused& r, moment now)
{
    key of(r.tool, r.why);
    std::lock_guard lock(mutex_);
    bool is_strange = r.is_strange;
    if (!rows_.contains(of) && !has_room(is_strange))
    {
        of.first = other_tools;
        is_strange = false;
    }
    auto [at, begins] = rows_.try_emplace(of);
    going_on& g = at->second;
    g.last = now;
    ++g.count;
    if (!begins) return std::nullopt;
    g.since = now;
    g.is_strange = is_strange;
    strange_rows_ += is_strange;
    g.sum_began = now.steady;
    g.next_sum = now.steady + first_sum_after;
    return refused_text(of.first, of.second);
}

refused_tools::lines refused_tools::look(moment now)
{
    lines said;
    std::lock_guard lock(mutex_);
    for (auto at = rows_.begin(); at != rows_.end();)
    {
        const auto& [tool, why] = at->first;
        going_on& g = at->second;
        if (now.steady - g.last.steady >= over_after)
        {
            said.ended.push_back({tool + " is not refused any more: " + why,
                                  times_text(g.count) + " from " + clock_text(g.since.wall, now.wall) + " to " +
                                      clock_text(g.last.wall, now.wall)});
            strange_rows_ -= g.is_strange;
            at = rows_.erase(at);
            continue;
        }
        if (now.steady >= g.next_sum)
        {
            const auto span = std::chrono::floor<duration>(now.steady - g.sum_began);
            const std::uint64_t more = g.count - std::exchange(g.summed_up, g.count);
            said.go_on.push_back({refused_text(tool, why), times_text(more) + " in " + span_text(whole_seconds(span)) +
                                                               ", since " + clock_text(g.since.wall, now.wall)});
            g.sum_began = now.steady;
            g.next_sum = now.steady + summed_up_every;
        }
        ++at;
    }
    return said;
}

std::vector<refused_tools::row> refused_tools::current(steady_time now) const
{
    std::vector<row> all;
    std::unique_lock lock(mutex_);
    for (const auto& [of, g] : rows_)
        if (now - g.last.steady < current_for) all.push_back({of.first, of.second, g.count, g.since.wall, g.last.wall});
    lock.unlock();
    std::stable_sort(all.begin(), all.end(), [](const row& a, const row& b) { return a.count > b.count; });
    return all;
}

}  // namespace callcache
