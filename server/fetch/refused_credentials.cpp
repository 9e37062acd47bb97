#include "server/fetch/refused_credentials.hpp"

#include <algorithm>

namespace callcache
{

void refused_credentials::refused(const refused_use& u, steady_time now)
{
    auto known = known_.find(u);
    if (known != known_.end())
    {
        // Those that were on their way together are one refusal.
        if (now < known->second.until) return;
        bool again = now < known->second.until + longest_wait;
        auto wait = again ? std::min(known->second.wait * 2, longest_wait) : first_wait;
        known->second = {wait, now + wait};
        return;
    }
    if (known_.size() >= known_max)
        known_.erase(std::min_element(known_.begin(), known_.end(),
                                      [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
    known_[u] = {first_wait, now + first_wait};
}

std::optional<steady_time::duration> refused_credentials::wait(const refused_use& u, steady_time now) const
{
    auto known = known_.find(u);
    if (known == known_.end() || now >= known->second.until) return std::nullopt;
    return known->second.until - now;
}

}  // namespace callcache
