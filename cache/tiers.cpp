// The order within each change is what makes them safe against readers that take no lock here:
//
// A purge queues the delete at the store, where every later find sees it, and only then clears memory, which raises the
// shard's version. So a reader that took the version before the clearing cannot refill, and one that took it after
// finds the queued delete:
//   A: version, finds the row     B: purge: queue, clear      A: refill: refused, the version has moved
//                                 B: purge: queue, clear      A: version, find: sees the queued delete
//
// Keeping checks its ticket and puts under the lock that a purge raises the epoch under, so that no keep is half before
// and half after a purge.

#include "cache/tiers.hpp"

#include <algorithm>
#include <iterator>

namespace callcache
{
namespace
{

constexpr std::size_t dropped_max = 1024;
constexpr std::size_t touched_at_once = 500;  // in one transaction, so that nothing waits for long behind it

}  // namespace

tiers::tiers(std::size_t memory_max, std::unique_ptr<store> s) :
    memory_(memory_max),
    store_(std::move(s)),
    erasure_(store_->kept_erasure())
{
    if (erasure_.erasing_since != wall_time()) erasure_ends(erasure_.erasing_since, true, [](bool) {});
}

void tiers::find_on_disk(const entry_key& key, store::found done)
{
    std::uint64_t version = memory_.version(key);
    store_->find(key, [this, key, version, done = std::move(done)](entry_ptr e) {
        if (e) memory_.refill(key, e, version);
        done(std::move(e));
    });
}

bool tiers::keep(const partition& p, std::string_view name, entry_ptr e, epoch_ticket t)
{
    std::lock_guard lock(change_);
    if (t < all_purged_) return false;
    if (auto lately = purged_.find(path_of(name)); lately != purged_.end() && t < lately->second) return false;
    if (auto d = dropped_.find({p.id(), std::string(name)}); d != dropped_.end())
    {
        if (e->sent_at <= d->second) return false;
        dropped_.erase(d);
    }
    key_view key{p.id(), name};
    if (entry_ptr held = memory_.find(key); held && !supersedes(e->sent_at, held->sent_at)) return false;
    store_->put(entry_key(key), e);
    memory_.put(key, std::move(e));
    return true;
}

void tiers::drop(const partition& p, std::string_view name, wall_time sent_until)
{
    std::lock_guard lock(change_);
    if (dropped_.size() >= dropped_max) raise_for_all();
    dropped_[{p.id(), std::string(name)}] = sent_until;
    key_view key{p.id(), name};
    store_->drop(entry_key(key), sent_until);
    memory_.erase(key, sent_until);
}

// What is remembered of single entries is then covered by it.
void tiers::raise_for_all()
{
    all_purged_ = epoch_.fetch_add(1, std::memory_order_acq_rel) + 1;
    dropped_.clear();
    purged_.clear();
}

void tiers::purge(std::string_view name, store::written done)
{
    std::lock_guard lock(change_);
    if (purged_.size() >= dropped_max)
        raise_for_all();
    else
        purged_[std::string(name)] = epoch_.fetch_add(1, std::memory_order_acq_rel) + 1;
    store_->drop_name(std::string(name), std::move(done));
    memory_.erase_name(name);
}

void tiers::purge_all(store::written done)
{
    std::lock_guard lock(change_);
    raise_for_all();
    store_->drop_all(std::move(done));
    memory_.clear();
}

void tiers::erasure_begins(wall_time at, store::written done)
{
    std::lock_guard lock(change_);
    if (erasures_++ == 0) erasure_.erasing_since = at;
    store_->put_erasure(erasure_, std::move(done));
}

void tiers::erasure_ends(wall_time began, bool counts, store::written done)
{
    if (counts) purge_all([](bool) {});  // written before what comes next is
    std::lock_guard lock(change_);
    if (counts) erasure_.erased_at = std::max(erasure_.erased_at, began);
    if (erasures_ <= 1) erasure_.erasing_since = {};
    erasures_ -= erasures_ > 0;
    store_->put_erasure(erasure_, std::move(done));
}

bool tiers::is_guarded(duration guard, wall_time sent_at) const
{
    std::lock_guard lock(change_);
    return callcache::is_guarded(erasure_, guard, sent_at);
}

void tiers::write_recency(wall_time now)
{
    auto used = memory_.take_used();
    for (std::size_t at = 0; at < used.size(); at += touched_at_once)
    {
        auto first = used.begin() + long(at), last = used.begin() + long(std::min(at + touched_at_once, used.size()));
        store_->touch({std::make_move_iterator(first), std::make_move_iterator(last)}, now);
    }
}

}  // namespace callcache
