// A day that starts with a burst is no reason to serve anything stale, and so the first quarter of the day's budget is
// free. From there on the pace decides: if it goes on as in the last hour, is there a moment at which nothing is left?
// While there is, nothing is spent on making fresh what may be served stale. The last tenth
// (`budget.interactive_reserve_percent`) is for those who wait.

#include "server/budget/ration.hpp"

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

ration ration_of(std::uint64_t daily, std::uint64_t left, std::uint64_t reserve_percent,
                 std::optional<duration> ends_in)
{
    if (daily == 0) return ration::plenty;
    if (left == 0) return ration::spent;
    if (left <= reserve_of(daily, reserve_percent)) return ration::interactive;
    std::uint64_t spent = daily - left;
    bool is_free = spent * 100 < daily * free_percent;
    return ends_in && !is_free ? ration::stretched : ration::plenty;
}

}  // namespace callcache
