#include "cache/memory_tier.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t shards_max = 64;
constexpr std::size_t used_and_evicted_max = 4096;  // recency that is lost costs nothing but a worse eviction
constexpr std::size_t shard_bytes_min = 2 << 20;    // so that the largest answer fits into any shard

}  // namespace

memory_tier::memory_tier(std::size_t bytes_max) :
    shard_count_(std::clamp<std::size_t>(bytes_max / shard_bytes_min, 1, shards_max)),
    shard_bytes_max_(bytes_max / shard_count_),
    shards_(new shard[shard_count_])
{}

memory_tier::~memory_tier() = default;

memory_tier::shard& memory_tier::shard_of(std::string_view name) const
{
    return shards_[std::hash<std::string_view>()(path_of(name)) % shard_count_];
}

entry_ptr memory_tier::find(key_view key) const
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    auto found = s.index.find(key);
    if (found == s.index.end()) return nullptr;
    found->second->visited = true;
    found->second->used = true;
    return found->second->kept;
}

bool memory_tier::put(key_view key, entry_ptr e)
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    ++s.version;
    return insert(s, key, std::move(e));
}

std::uint64_t memory_tier::version(key_view key) const
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    return s.version;
}

bool memory_tier::refill(key_view key, entry_ptr e, std::uint64_t version)
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    return s.version == version && insert(s, key, std::move(e));
}

bool memory_tier::insert(shard& s, key_view key, entry_ptr e)
{
    auto found = s.index.find(key);
    if (found != s.index.end() && !supersedes(e->sent_at, found->second->kept->sent_at)) return false;
    if (found != s.index.end()) remove(s, found->second);
    if (e->cost() > shard_bytes_max_) return false;
    while (s.bytes + e->cost() > shard_bytes_max_) evict_one(s);  // before the insertion, or it might take the newcomer
    s.bytes += e->cost();
    s.queue.push_front(node{entry_key(key), std::move(e)});
    s.index.emplace(s.queue.front().key, s.queue.begin());
    return true;
}

void memory_tier::remove(shard& s, std::list<node>::iterator at)
{
    if (s.hand == at) s.hand = at == s.queue.begin() ? s.queue.end() : std::prev(at);
    s.bytes -= at->kept->cost();
    s.index.erase(at->key);
    s.queue.erase(at);
}

// The hand goes from the oldest to the newest, spares what was visited since it last came by, and takes the first that
// was not.
void memory_tier::evict_one(shard& s)
{
    auto at = s.hand == s.queue.end() ? std::prev(s.queue.end()) : s.hand;
    while (at->visited)
    {
        at->visited = false;
        at = at == s.queue.begin() ? std::prev(s.queue.end()) : std::prev(at);
    }
    if (at->used && s.used_and_evicted.size() < used_and_evicted_max) s.used_and_evicted.push_back(at->key);
    s.hand = at;
    ++s.evicted;
    remove(s, at);
}

void memory_tier::erase(key_view key, wall_time sent_until)
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    ++s.version;
    auto found = s.index.find(key);
    if (found != s.index.end() && found->second->kept->sent_at <= sent_until) remove(s, found->second);
}

void memory_tier::erase_name(std::string_view name)
{
    shard& s = shard_of(name);
    std::lock_guard lock(s.mutex);
    ++s.version;
    for (auto at = s.queue.begin(); at != s.queue.end();)
    {
        auto next = std::next(at);
        if (path_of(at->key.name) == name) remove(s, at);
        at = next;
    }
}

void memory_tier::clear()
{
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        ++s.version;
        s.index.clear();
        s.queue.clear();
        s.hand = s.queue.end();
        s.bytes = 0;
        s.used_and_evicted.clear();
    }
}

std::vector<entry_key> memory_tier::take_used()
{
    std::vector<entry_key> used;
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        used.insert(used.end(), s.used_and_evicted.begin(), s.used_and_evicted.end());
        s.used_and_evicted.clear();
        for (node& n : s.queue)
            if (std::exchange(n.used, false)) used.push_back(n.key);
    }
    return used;
}

template<class Of>
std::size_t memory_tier::sum(Of of) const
{
    std::size_t all = 0;
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        std::lock_guard lock(shards_[i].mutex);
        all += of(shards_[i]);
    }
    return all;
}

std::size_t memory_tier::entries() const
{
    return sum([](const shard& s) { return s.index.size(); });
}

std::size_t memory_tier::bytes() const
{
    return sum([](const shard& s) { return s.bytes; });
}

std::uint64_t memory_tier::evicted() const
{
    return sum([](const shard& s) { return s.evicted; });
}

}  // namespace callcache
