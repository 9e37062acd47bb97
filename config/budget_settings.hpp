// What the operator allows to be spent at the vendor, and by whom.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace callcache
{

using std::chrono::milliseconds;
using namespace std::chrono_literals;

enum class urgency
{
    interactive,  // somebody waits for it
    background,   // gives way: refreshes, warming, what says so
};

// What budget.tools says of one tool.
struct tool_settings
{
    std::optional<std::uint64_t> daily;
    std::optional<urgency> how;
    std::optional<milliseconds> wait_max;
};

struct budget_settings
{
    double rate = 3;          // requests a second
    std::uint64_t burst = 3;  // at most this many in any burst/rate seconds
    milliseconds margin = 30ms;
    std::uint64_t queue_max = 2000;
    milliseconds wait_max = 20s;
    milliseconds linger = 15s;
    std::uint64_t daily = 10'000;  // 0: no limit
    std::string day = "sliding";   // or an IANA zone
    std::uint64_t tool_daily_percent = 80;
    std::uint64_t interactive_reserve_percent = 10;
    std::uint64_t newcomers = 0;  // 0: a tenth of the day, within bounds
    milliseconds retry_after_max = 24h;
    std::map<std::string, tool_settings> tools;  // by name
    std::string path;                            // empty: <cache.path>-budget
};

}  // namespace callcache
