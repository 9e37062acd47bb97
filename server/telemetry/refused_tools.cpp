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

}  // namespace

std::optional<std::string> refused_tools::note(const std::string& tool, std::string_view why, moment now)
{
    std::pair<std::string, std::string> key(tool, why);
    std::lock_guard lock(mutex_);
    if (rows_.size() >= rows_max && !rows_.contains(key)) key.first = other_tools;
    auto [at, begins] = rows_.try_emplace(key);
    going_on& g = at->second;
    g.last = now;
    ++g.count;
    if (!begins) return std::nullopt;
    g.since = now;
    g.summed_up_at = now.steady;
    return key.first + " is refused: " + key.second;
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
            said.ended.push_back(tool + " is not refused any more (" + why + "): " + times_text(g.count) + " since " +
                                 clock_text(g.since.wall, now.wall));
            at = rows_.erase(at);
            continue;
        }
        if (const auto span = std::chrono::floor<duration>(now.steady - g.summed_up_at); span >= summed_up_every)
        {
            said.go_on.push_back(tool + " was refused " + times_text(g.count - std::exchange(g.summed_up, g.count)) +
                                 " in " + span_text(whole_seconds(span)) + ": " + why);
            g.summed_up_at = now.steady;
        }
        ++at;
    }
    return said;
}

std::vector<refused_tools::row> refused_tools::current() const
{
    std::vector<row> all;
    std::unique_lock lock(mutex_);
    for (const auto& [key, g] : rows_) all.push_back({key.first, key.second, g.count, g.since.wall, g.last.wall});
    lock.unlock();
    std::stable_sort(all.begin(), all.end(), [](const row& a, const row& b) { return a.count > b.count; });
    return all;
}

}  // namespace callcache
