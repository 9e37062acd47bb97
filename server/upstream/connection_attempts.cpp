#include "server/upstream/connection_attempts.hpp"

#include <algorithm>

namespace callcache
{

std::vector<tcp::endpoint> order_of_attempts(const std::vector<tcp::endpoint>& resolved, const address_lessons& l)
{
    std::vector<tcp::endpoint> first, other, ordered;
    for (const tcp::endpoint& e : resolved) (e.protocol() == resolved.front().protocol() ? first : other).push_back(e);
    for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i)
    {
        if (i < first.size()) ordered.push_back(first[i]);
        if (i < other.size()) ordered.push_back(other[i]);
    }
    std::stable_partition(ordered.begin(), ordered.end(), [&](const tcp::endpoint& e) { return e == l.worked; });
    std::stable_partition(ordered.begin(), ordered.end(), [&](const tcp::endpoint& e) { return e != l.failed; });
    return ordered;
}

std::optional<std::size_t> attempt_pace::next(steady_time now)
{
    if (begun_ == count_ || now < due_) return std::nullopt;
    due_ = now + delay;
    return begun_++;
}

std::optional<steady_time> attempt_pace::due() const
{
    return begun_ < count_ ? std::optional(due_) : std::nullopt;
}

void attempt_pace::failed()
{
    ++failed_;
    due_ = steady_time::min();
}

}  // namespace callcache
