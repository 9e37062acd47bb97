// Counts which tool spent how much of the day.
#pragma once

#include "cache/ledger_page.hpp"

#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace callcache
{

// Counted in steps of ten minutes, by the names that tool_names gives. What callcache sends for itself is for no tool,
// which has an empty name, and is not counted here. Times are by the ledger's clock. Pure; one thread.
class tool_shares
{
public:
    explicit tool_shares(const ledger_page& kept);

    void add(std::string_view tool, wall_time now);

    // The last one was not sent after all.
    void take_back(std::string_view tool);

    // What the tool spent was spent by other_tools from now on, in the ledger too.
    void fold(std::string_view tool);

    // Of requests since then, in whole steps.
    std::uint64_t spent(std::string_view tool, wall_time since) const;

    // Tools that have spent something since then, and how much.
    std::map<std::string, std::uint64_t> all(wall_time since) const;
    bool several(wall_time since) const;

    // How long until the tool's spending no longer reaches `cap`, if its requests count for `day`.
    duration wait(std::string_view tool, std::uint64_t cap, wall_time now, duration day) const;

    // Adds what has changed since the last time, and forgets what `to` forgets.
    void move_changes(ledger_page& to);

private:
    struct step
    {
        std::int64_t at = 0;
        std::int64_t count = 0;
        bool changed = false;
    };

    std::map<std::string, std::deque<step>, std::less<>> tools_;
};

}  // namespace callcache
