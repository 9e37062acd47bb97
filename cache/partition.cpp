#include "cache/partition.hpp"

#include <algorithm>
#include <cstring>

namespace callcache
{
namespace
{

constexpr std::size_t known_max = 2048;

// An idle partition: nobody but the table holds it.
bool is_idle(const partition_ptr& p)
{
    return p.use_count() == 1;
}

// No Authorization has a space in its scheme, and no kept route is a word.
constexpr std::string_view company_scheme = "the company";

}  // namespace

partition_id partition::id_of(const digest& name)
{
    std::uint64_t bits;
    std::memcpy(&bits, name.data(), sizeof bits);
    // 63 bits of a keyed hash; 0 means "none".
    return std::max<partition_id>(1, partition_id(bits & INT64_MAX));
}

std::optional<wall_time> partition::confirmed_at() const
{
    std::int64_t us = confirmed_at_.load(std::memory_order_acquire);
    if (us == 0) return std::nullopt;
    return from_micros(us);
}

void partition::confirm(wall_time sent_at)
{
    auto before = confirmed_at();
    bool older = before && !supersedes(sent_at, *before);
    if (older || !supersedes(sent_at, refused_at_)) return;
    confirmed_at_.store(to_micros(sent_at), std::memory_order_release);
}

void partition::refuse(wall_time sent_at)
{
    auto before = confirmed_at();
    if (before && !supersedes(sent_at, *before)) return;
    refused_at_ = sent_at;
    accepted_ = false;
    confirmed_at_.store(0, std::memory_order_release);
}

std::size_t partitions::digest_hash::operator()(const digest& d) const
{
    std::size_t h;  // a digest is as good a hash as any
    std::memcpy(&h, d.data(), sizeof h);
    return h;
}

partitions::partitions(std::string salt, std::string upstream_origin, const std::vector<partition_record>& kept,
                       std::vector<std::string> company_keys) :
    salt_(std::move(salt)),
    origin_(std::move(upstream_origin)),
    company_keys_(std::move(company_keys))
{
    for (const partition_record& r : kept)
    {
        auto p = std::make_shared<partition>(r.name);
        p->id_ = partition::id_of(r.name);
        if (r.confirmed_at) p->confirm(*r.confirmed_at);
        p->use(r.used_at);
        p->stop_bulk_until(r.no_bulk_until);
        known_.emplace(r.name, std::move(p));
    }
    if (company_keys_.empty()) return;
    company_ = of(company_scheme, company_keys_.front());
    enroll(*company_);
}

// Newlines cannot stand in any of the three, so that no two combinations give the same bytes.
digest partitions::name_of(std::string_view scheme, std::string_view credential) const
{
    return hmac_sha256(salt_, origin_ + "\n" + std::string(scheme) + "\n" + std::string(credential));
}

partition_ptr partitions::of(std::string_view scheme, std::string_view credential, std::string_view access_key)
{
    digest name = name_of(scheme, credential);
    bool shares =
        !access_key.empty() && std::find(company_keys_.begin(), company_keys_.end(), access_key) != company_keys_.end();

    std::lock_guard lock(mutex_);
    auto found = known_.find(name);
    if (found == known_.end())
    {
        if (known_.size() >= known_max) forget_some();
        found = known_.emplace(name, std::make_shared<partition>(name)).first;
    }
    // Every holder has it from this function, so nobody reads company_ while it is written.
    if (shares && !found->second->company_) found->second->company_ = company_;
    return found->second;
}

partition_ptr partitions::further(std::string_view what, std::string_view scheme, std::string_view credential)
{
    partition_ptr p = of(std::string(scheme) + " " + std::string(what), credential);
    std::lock_guard lock(mutex_);
    calls_of_[p->name()] = name_of(scheme, credential);
    return p;
}

partition_ptr partitions::calls_of(const partition& p) const
{
    std::lock_guard lock(mutex_);
    auto known = calls_of_.find(p.name());
    auto calls = known == calls_of_.end() ? known_.end() : known_.find(known->second);
    return calls == known_.end() ? nullptr : calls->second;
}

// Down to three quarters, so that this does not happen with each new one.
void partitions::forget_some()
{
    std::erase_if(known_, [](const auto& k) { return k.second->id() == 0 && is_idle(k.second); });
    std::vector<std::pair<wall_time, digest>> idle;
    for (const auto& [name, p] : known_)
        if (is_idle(p)) idle.emplace_back(p->used_at(), name);
    std::sort(idle.begin(), idle.end());
    const std::size_t kept = known_max * 3 / 4;
    const std::size_t too_many = known_.size() - std::min(known_.size(), kept);
    idle.resize(std::min(idle.size(), too_many));
    for (const auto& [used_at, name] : idle) known_.erase(name);
    std::erase_if(calls_of_, [&](const auto& further) { return !known_.contains(further.first); });
}

bool partitions::enroll(partition& p)
{
    std::lock_guard lock(mutex_);
    if (p.id() != 0) return false;
    p.id_.store(partition::id_of(p.name()), std::memory_order_release);
    return true;
}

std::vector<partition_ptr> partitions::all() const
{
    std::lock_guard lock(mutex_);
    std::vector<partition_ptr> list;
    for (const auto& [name, p] : known_) list.push_back(p);
    return list;
}

}  // namespace callcache
