#include "config/budget_share.hpp"

#include <cmath>
#include <cstdio>

namespace callcache
{

std::uint64_t most_in_a_second(const budget_settings& b)
{
    constexpr double rounding = 1e-9;  // of the division, as in 3 / 0.3
    return b.burst * std::uint64_t(std::ceil(b.rate / double(b.burst) - rounding));
}

std::optional<std::string> share_warning(const settings& s)
{
    const std::uint64_t most = most_in_a_second(s.budget);
    if (s.mode == run_mode::offline || double(most) <= s.budget.rate) return std::nullopt;
    char share[80];
    std::snprintf(share, sizeof share, "budget.rate %g with budget.burst %llu", s.budget.rate,
                  static_cast<unsigned long long>(s.budget.burst));
    return std::string(share) + " can put " + std::to_string(most) + (most == 1 ? " request" : " requests") +
           " into one second, which is more than its share, and Gong's limit holds in any second. Give each callcache "
           "a whole number (1 and 2, or three times 1), and a burst that divides it";
}

}  // namespace callcache
