#include "server/fetch/failing_ids.hpp"

#include "cache/freshness.hpp"

#include <algorithm>

namespace callcache
{

void failing_ids::failed(const digest& credential, const std::string& id, known now, const calls_settings& s)
{
    if (now.answer->body.size() > body_bytes_max) return forget(credential, id);
    const known* before = find(credential, id);
    now.times.is_negative = true;
    now.times.missing_since = before ? before->times.missing_since : now.times.sent_at;
    now.times.fresh_for = not_found_freshness(s, before ? &before->times : nullptr, now.times.sent_at);
    if (!before && known_.size() >= known_max)
        known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
            return a.second.times.fresh_until() < b.second.times.fresh_until();
        }));
    known_.insert_or_assign({credential, id}, std::move(now));
}

const failing_ids::known* failing_ids::find(const digest& credential, const std::string& id) const
{
    auto found = known_.find({credential, id});
    return found == known_.end() ? nullptr : &found->second;
}

}  // namespace callcache
