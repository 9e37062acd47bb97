#include "cache/memory_tier.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <set>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t shards_max = 64;
constexpr std::size_t used_and_evicted_max = 4096;  // recency that is lost costs nothing but a worse eviction
constexpr std::size_t shard_bytes_min = 2 << 20;    // so that the largest answer fits into any shard

}  // namespace

// What a hit touches is seldom in the processor's caches, and each further place in memory costs it as much as a
// hundred instructions: so an entry's key stands in the node, behind it, and a table of pointers says which node it is.
struct memory_tier::node
{
    entry_ptr kept;
    node *newer = nullptr, *older = nullptr;
    partition_id partition;
    std::uint32_t name_bytes;
    bool visited = false;  // SIEVE's bit
    bool used = false;     // since take_used()

    key_view key() const { return {partition, {reinterpret_cast<const char*>(this + 1), name_bytes}}; }
    bool has_query() const { return key().name.find('?') != std::string_view::npos; }

    struct free
    {
        void operator()(node* n) const
        {
            n->~node();
            ::operator delete(n);
        }
    };
    using owned = std::unique_ptr<node, free>;
    static owned make(key_view key, entry_ptr e)
    {
        void* room = ::operator new(sizeof(node) + key.name.size());
        std::memcpy(static_cast<char*>(room) + sizeof(node), key.name.data(), key.name.size());
        return owned(new (room) node{std::move(e), nullptr, nullptr, key.partition, std::uint32_t(key.name.size())});
    }
};

struct memory_tier::shard
{
    struct hash
    {
        using is_transparent = void;
        std::size_t operator()(key_view k) const { return key_hash()(k); }
        std::size_t operator()(const node::owned& n) const { return key_hash()(n->key()); }
    };
    struct equal
    {
        using is_transparent = void;
        bool operator()(const node::owned& a, const node::owned& b) const { return a->key() == b->key(); }
        bool operator()(key_view a, const node::owned& b) const { return a == b->key(); }
        bool operator()(const node::owned& a, key_view b) const { return a->key() == b; }
    };
    struct by_name
    {
        using is_transparent = void;
        bool operator()(const node* a, const node* b) const { return a->key().name < b->key().name; }
        bool operator()(const node* a, std::string_view b) const { return a->key().name < b; }
        bool operator()(std::string_view a, const node* b) const { return a < b->key().name; }
    };

    bool insert(key_view, entry_ptr, std::size_t bytes_max);
    void remove(node&);
    void evict_one(bool of_views = false);
    template<class Which>
    void remove_if(Which which)
    {
        for (node* at = newest; at;)
        {
            node* next = at->older;
            if (which(*at)) remove(*at);
            at = next;
        }
    }
    void remove_queries(const std::string& path);
    node* find(key_view key) const
    {
        auto found = index.find(key);
        return found == index.end() ? nullptr : found->get();
    }

    mutable std::mutex mutex;
    boost::unordered_flat_set<node::owned, hash, equal> index;
    std::multiset<node*, by_name> with_query;  // a path's stand next to each other
    node *newest = nullptr, *oldest = nullptr;
    node* hand = nullptr;                   // null: at the oldest
    std::size_t bytes = 0, view_bytes = 0;  // the second: of views of calls but `call`
    std::uint64_t version = 0, evicted = 0;
    std::vector<entry_key> used_and_evicted;
};

memory_tier::memory_tier(std::size_t bytes_max) :
    shard_count_(std::clamp<std::size_t>(bytes_max / shard_bytes_min, 1, shards_max)),
    shard_bytes_max_(bytes_max / shard_count_),
    shards_(new shard[shard_count_])
{}

memory_tier::~memory_tier() = default;

memory_tier::shard& memory_tier::shard_of(std::string_view name) const
{
    return shards_[std::hash<std::string_view>()(name) % shard_count_];
}

entry_ptr memory_tier::find(key_view key) const
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    node* n = s.find(key);
    if (!n) return nullptr;
    n->visited = true;
    n->used = true;
    return n->kept;
}

bool memory_tier::put(key_view key, entry_ptr e)
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    ++s.version;
    return s.insert(key, std::move(e), shard_bytes_max_);
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
    return s.version == version && s.insert(key, std::move(e), shard_bytes_max_);
}

bool memory_tier::shard::insert(key_view key, entry_ptr e, std::size_t bytes_max)
{
    node* held = find(key);
    if (held && !supersedes(e->sent_at, held->kept->sent_at)) return false;
    if (held) remove(*held);
    const bool is_view = is_further_view(key.name);
    const std::size_t views_max = bytes_max - bytes_max / kept_from_views;
    if (e->cost() > (is_view ? views_max : bytes_max)) return false;
    // Before the insertion, or it might take the newcomer.
    while (is_view && view_bytes + e->cost() > views_max) evict_one(true);
    while (bytes + e->cost() > bytes_max) evict_one();
    node* n = index.insert(node::make(key, std::move(e))).first->get();
    bytes += n->kept->cost();
    if (is_view) view_bytes += n->kept->cost();
    if (n->has_query()) with_query.insert(n);
    n->older = newest;
    (newest ? newest->newer : oldest) = n;
    newest = n;
    return true;
}

void memory_tier::shard::remove(node& n)
{
    if (hand == &n) hand = n.newer;
    (n.newer ? n.newer->older : newest) = n.older;
    (n.older ? n.older->newer : oldest) = n.newer;
    bytes -= n.kept->cost();
    if (is_further_view(n.key().name)) view_bytes -= n.kept->cost();
    if (n.has_query())
    {
        auto same_name = with_query.equal_range(&n);
        with_query.erase(std::find(same_name.first, same_name.second, &n));
    }
    index.erase(index.find(n.key()));
}

void memory_tier::shard::remove_queries(const std::string& path)
{
    auto first = with_query.lower_bound(path + '?');
    while (first != with_query.end() && path_of((*first)->key().name) == path) remove(**first++);
}

// The hand goes from the oldest to the newest, spares what was visited since it last came by, and takes the first that
// was not. `of_views`: it passes by everything else, and leaves that as it is. REQUIRES: there is one to take.
void memory_tier::shard::evict_one(bool of_views)
{
    node* at = hand ? hand : oldest;
    for (;; at = at->newer ? at->newer : oldest)
    {
        if (of_views && !is_further_view(at->key().name)) continue;
        if (!std::exchange(at->visited, false)) break;
    }
    if (at->used && used_and_evicted.size() < used_and_evicted_max) used_and_evicted.push_back(entry_key(at->key()));
    hand = at;
    ++evicted;
    remove(*at);
}

void memory_tier::erase(key_view key, wall_time sent_until)
{
    shard& s = shard_of(key.name);
    std::lock_guard lock(s.mutex);
    ++s.version;
    node* held = s.find(key);
    if (held && held->kept->sent_at <= sent_until) s.remove(*held);
}

void memory_tier::erase_name(std::string_view name)
{
    const std::string path(name);
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        ++s.version;
        s.remove_queries(path);
        if (&s == &shard_of(name)) s.remove_if([&](const node& n) { return n.key().name == name; });
    }
}

void memory_tier::erase_view(call_view v)
{
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        ++s.version;
        s.remove_if([&](const node& n) { return view_of(n.key().name) == v; });
    }
}

std::vector<std::string> memory_tier::queries_of(std::string_view path) const
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        const shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        auto at = s.with_query.lower_bound(std::string(path) + '?');
        for (; at != s.with_query.end() && path_of((*at)->key().name) == path; ++at)
            names.emplace_back((*at)->key().name);
    }
    return names;
}

void memory_tier::erase_older(wall_time than)
{
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        std::lock_guard lock(shards_[i].mutex);
        shards_[i].remove_if([&](const node& n) { return n.kept->sent_at < than; });
    }
}

void memory_tier::clear()
{
    for (std::size_t i = 0; i < shard_count_; ++i)
    {
        shard& s = shards_[i];
        std::lock_guard lock(s.mutex);
        ++s.version;
        s.with_query.clear();
        s.index.clear();
        s.newest = s.oldest = s.hand = nullptr;
        s.bytes = s.view_bytes = 0;
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
        for (node* n = s.newest; n; n = n->older)
            if (std::exchange(n->used, false)) used.push_back(entry_key(n->key()));
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
