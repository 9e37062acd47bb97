#include "server/fetch/refused_credentials.hpp"

#include <algorithm>

namespace callcache
{

void refused_credentials::refused(const refused_use& u, steady_time began, steady_time now)
{
    if (auto known = known_.find(u); known != known_.end())
    {
        if (now >= known->second.until() + longest_wait) known->second.reset();
        known->second.failed(began, now);
        return;
    }
    if (known_.size() >= known_max)
        known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
            return a.second.until() < b.second.until();
        }));
    known_.emplace(u, backoff(first_wait, longest_wait)).first->second.failed(began, now);
}

std::optional<steady_time::duration> refused_credentials::wait(const refused_use& u, steady_time now) const
{
    auto known = known_.find(u);
    if (known == known_.end() || now >= known->second.until()) return std::nullopt;
    return known->second.until() - now;
}

}  // namespace callcache
