// The tools that are told apart: one bounded registry, for fairness, caps, metrics and logs alike.
//
// A tool names itself, so one tool may come with any number of names. Those that budget.tools names always have their
// place. The others share `tool_places_max` places: a newcomer takes a free one, or that of the tool which has spent
// least of the day. The budget decides that, as it alone knows (budget::enter). Those without a place are counted
// together, as `other_tools`; a table that has counted one which lost its place moves that there, so that no sum
// changes.
#pragma once

#include "config/budget_settings.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

inline constexpr std::size_t tool_places_max = 100;
inline constexpr std::string_view other_tools = "(others)";  // cannot be a name in /@name/, nor of a token

// Any thread. What callcache sends for itself is for no tool, which has an empty name and is always itself.
class tool_names
{
public:
    explicit tool_names(const std::map<std::string, tool_settings>& named = {}) { add_named(named); }

    // More that have a place for good.
    void add_named(const std::map<std::string, tool_settings>&);

    bool has(std::string_view tool) const;

    // Under which name the tool is counted: its own if it has a place, else other_tools.
    std::string find(std::string_view tool) const;

    // The same; it takes a place if one is free.
    std::string enter(std::string_view tool);

    // Those that may have to give their place away, the one that came longest ago first.
    std::vector<std::string> replaceable() const;

    // REQUIRES: `old` is one of them.
    void replace(const std::string& old, std::string_view by);

    // Grows with each change of a place: what find() said at another number is asked again.
    std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

private:
    bool is_known(std::string_view tool) const;

    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> named_;
    std::map<std::string, std::uint64_t, std::less<>> places_;  // when each came last, in the order of entering
    std::uint64_t entered_ = 0;
    std::atomic<std::uint64_t> changes_{0};
};

// Moves to other_tools what a table of numbers by name holds of tools that have no place any more.
template<class Table>
void fold_others(Table& table, const tool_names& names)
{
    std::uint64_t sum = 0;
    std::erase_if(table, [&](const auto& row) {
        bool goes = row.first != other_tools && !names.has(row.first);
        if (goes) sum += row.second;
        return goes;
    });
    if (sum > 0) table[std::string(other_tools)] += sum;
}

}  // namespace callcache
