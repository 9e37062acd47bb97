// A day that starts with a burst is no reason to serve anything stale, and so the first quarter of the day's budget is
// free. From there on the pace decides: if it goes on as in the last hour, is there a moment at which nothing is left?
// While there is, nothing is spent on making fresh what may be served stale. The last tenth
// (`budget.interactive_reserve_percent`) is for those who wait.

#include "server/budget/shedding.hpp"

namespace callcache
{
namespace
{

constexpr std::uint64_t free_percent = 25;

}  // namespace

std::uint64_t reserve_of(std::uint64_t daily, std::uint64_t reserve_percent)
{
    return daily / 100 * reserve_percent + daily % 100 * reserve_percent / 100;
}

shed_level shed_level_of(std::uint64_t daily, std::uint64_t left, std::uint64_t reserve_percent,
                         std::optional<duration> ends_in)
{
    if (daily == 0) return shed_level::plenty;
    if (left == 0) return shed_level::spent;
    if (left <= reserve_of(daily, reserve_percent)) return shed_level::interactive;
    std::uint64_t spent = daily - left;
    bool is_free = spent * 100 < daily * free_percent;
    return ends_in && !is_free ? shed_level::stretched : shed_level::plenty;
}

}  // namespace callcache
