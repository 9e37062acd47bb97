#include "server/budget/tool_shares.hpp"

#include "server/text/tool_names.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

constexpr duration a_step = std::chrono::minutes(10);

std::int64_t step_of(wall_time t)
{
    return t.time_since_epoch() / a_step;
}
wall_time end_of(std::int64_t step)
{
    return wall_time((step + 1) * a_step);
}

}  // namespace

tool_shares::tool_shares(const ledger_page& kept, const std::map<std::string, tool_settings>& named)
{
    reconfigure(named);
    for (const ledger_page::share& s : kept.shares) tools_[s.tool].push_back({s.at, s.count, false});
}

void tool_shares::reconfigure(const std::map<std::string, tool_settings>& named)
{
    for (const auto& [name, said] : named) named_.insert(name);
}

std::string_view tool_shares::name_of(std::string_view tool) const
{
    return tool.empty() || named_.contains(tool) ? tool : name_in(tools_, tool);
}

void tool_shares::add(std::string_view tool, wall_time now)
{
    if (tool.empty()) return;
    std::deque<step>& steps = tools_[std::string(name_of(tool))];
    if (steps.empty() || steps.back().at < step_of(now)) steps.push_back({step_of(now), 0, false});
    ++steps.back().count;
    steps.back().changed = true;
}

void tool_shares::take_back(std::string_view tool)
{
    auto found = tools_.find(name_of(tool));
    if (found == tools_.end() || found->second.back().count == 0) return;
    --found->second.back().count;
    found->second.back().changed = true;
}

std::uint64_t tool_shares::spent(std::string_view tool, wall_time since) const
{
    auto found = tools_.find(name_of(tool));
    if (found == tools_.end()) return 0;
    std::int64_t sum = 0;
    for (const step& s : found->second)
        if (end_of(s.at) > since) sum += s.count;
    return std::uint64_t(sum);
}

std::map<std::string, std::uint64_t> tool_shares::all(wall_time since) const
{
    std::map<std::string, std::uint64_t> sums;
    for (const auto& [tool, steps] : tools_)
        if (std::uint64_t sum = spent(tool, since); sum > 0) sums[tool] = sum;
    return sums;
}

bool tool_shares::several(wall_time since) const
{
    auto counts = [&](const step& s) { return s.count > 0 && end_of(s.at) > since; };
    // The newest steps are the likeliest ones.
    auto spends = [&](const auto& t) { return std::any_of(t.second.rbegin(), t.second.rend(), counts); };
    return std::count_if(tools_.begin(), tools_.end(), spends) > 1;
}

duration tool_shares::wait(std::string_view tool, std::uint64_t cap, wall_time now, duration day) const
{
    std::uint64_t sum = spent(tool, now - day);
    if (sum < cap) return {};
    std::uint64_t need = sum - cap + 1;
    for (const step& s : tools_.find(name_of(tool))->second)
    {
        if (end_of(s.at) <= now - day) continue;
        if (std::uint64_t(s.count) >= need) return end_of(s.at) + day - now;
        need -= std::uint64_t(s.count);
    }
    return day;
}

void tool_shares::move_changes(ledger_page& to)
{
    std::int64_t oldest = to.oldest / 10;
    for (auto t = tools_.begin(); t != tools_.end();)
    {
        auto& steps = t->second;
        while (!steps.empty() && steps.front().at < oldest) steps.pop_front();
        for (step& s : steps)
            if (std::exchange(s.changed, false)) to.shares.push_back({s.at, t->first, s.count});
        t = steps.empty() ? tools_.erase(t) : std::next(t);
    }
}

}  // namespace callcache
