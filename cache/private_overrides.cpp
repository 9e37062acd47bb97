#include "cache/private_overrides.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t full_min = 10'000;

}  // namespace

private_overrides::private_overrides(std::vector<private_override> kept, duration keep_max) :
    keep_max_(keep_max),
    full_(std::max(full_min, 2 * kept.size()))
{
    for (private_override& n : kept) names_.emplace(std::move(n.key), n.sent_at);
}

bool private_overrides::holds(key_view key) const
{
    std::lock_guard lock(mutex_);
    return names_.contains(key);
}

void private_overrides::note(key_view key, wall_time sent_at)
{
    std::lock_guard lock(mutex_);
    auto held = names_.find(key);
    if (held == names_.end())
        names_.emplace(entry_key(key), sent_at);
    else if (supersedes(sent_at, held->second))
        held->second = sent_at;
    if (names_.size() <= full_) return;
    std::erase_if(names_, [&](const auto& n) { return sent_at - n.second > keep_max_; });
    full_ = std::max(full_min, 2 * names_.size());
}

std::optional<wall_time> private_overrides::take_back(key_view key, wall_time sent_at)
{
    std::lock_guard lock(mutex_);
    auto held = names_.find(key);
    if (held == names_.end() || !supersedes(sent_at, held->second)) return std::nullopt;
    wall_time was = held->second;
    names_.erase(held);
    return was;
}

void private_overrides::clear()
{
    std::lock_guard lock(mutex_);
    names_.clear();
}

std::size_t private_overrides::size() const
{
    std::lock_guard lock(mutex_);
    return names_.size();
}

}  // namespace callcache
