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
//
// An entry that is dropped for itself (the vendor's 403) raises no epoch. It is remembered with the time until which it
// is dropped, so that the answers to other calls that are on their way are kept.

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

tiers::tiers(std::size_t memory_max, std::unique_ptr<store> s, duration keep_max) :
    memory_(memory_max),
    erasure_(s->kept_erasure()),
    own_(s->take_private_overrides(), keep_max),
    keep_max_(keep_max),
    store_(std::move(s))
{
    if (erasure_.erasing_since != wall_time()) erasure_ends(erasure_.erasing_since, true, [](bool) {});
}

entry_ptr tiers::find_in_memory(const partition& p, std::string_view name) const
{
    key_view own{p.id(), name};
    if (own.partition == 0) return nullptr;
    entry_ptr e = memory_.find(own);
    if (e || !p.company() || own_.holds(own)) return e;
    return memory_.find({p.company()->id(), name});
}

// What the disk still has of a view that may not lie there is as if it were not there.
view_keeping tiers::keeping_of(std::string_view name) const
{
    const auto view = view_of(name);
    if (!view || *view == call_view::call) return view_keeping::on;
    return view == call_view::transcript ? transcripts_ : details_;
}

entry_ptr tiers::find_at_once(const partition& p, std::string_view name)
{
    if (!is_on_disk(name)) return nullptr;
    entry_key key(key_view{p.id(), name});
    if (p.company() && !own_.holds(key)) key.partition = p.company()->id();
    std::uint64_t version = memory_.version(key);
    entry_ptr e = store_->find_at_once(key);
    if (e) memory_.refill(key, e, version);
    return e;
}

void tiers::find_on_disk(const entry_key& key, store::found done)
{
    std::uint64_t version = memory_.version(key);
    store_->find(key, [this, key, version, done = std::move(done)](entry_ptr e) {
        if (e) memory_.refill(key, e, version);
        done(std::move(e));
    });
}

// With a company: what is noted as its own; or what is shared; or what was kept under the credential before it shared
// anything, which stays its own until its next 200. That is noted together with the refill, or that 200 could miss it:
//   A: reads the row, refills      B: 200: shared, and nothing to take back      A: notes it: hides what is newer
void tiers::find_on_disk(const partition_ptr& whose, std::string_view name, store::found done)
{
    if (!is_on_disk(name)) return done(nullptr);
    entry_key own(key_view{whose->id(), name});
    std::uint64_t version = memory_.version(own);  // that of what is shared too
    if (!whose->company() || own_.holds(own)) return find_on_disk(own, std::move(done));
    entry_key shared(key_view{whose->company()->id(), name});
    find_on_disk(shared, [this, &disk = *store_, own, version, done = std::move(done)](entry_ptr e) {
        if (e) return done(std::move(e));
        disk.find(own, [this, own, version, done](entry_ptr before) {
            if (before)
            {
                std::lock_guard lock(change_);
                if (memory_.refill(own, before, version)) own_.note(own, before->sent_at);
            }
            done(std::move(before));
        });
    });
}

bool tiers::is_purged(std::string_view name, epoch_ticket t) const
{
    if (t < all_purged_) return true;
    auto lately = purged_.find(path_of(name));
    return lately != purged_.end() && t < lately->second;
}

// With a company, what is its own is noted first, so that no reader finds neither; and also when it is not kept, as who
// was told 404 is not to read what others may.
bool tiers::keep(const partition& p, std::string_view name, entry_ptr e, epoch_ticket t)
{
    std::lock_guard lock(change_);
    key_view own{p.id(), name};
    bool purged = is_purged(name, t);
    if (!p.company()) return !purged && put(own, std::move(e));
    key_view shared{p.company()->id(), name};
    if (e->is_private)
    {
        // Whether it is private is the call's and not the key's, and the later answer knows it.
        if (entry_ptr held = memory_.find(shared); held && !supersedes(e->sent_at, held->sent_at)) return false;
        drop(shared, e->sent_at);
    }
    if (is_own(*e)) own_.note(own, e->sent_at);
    if (purged) return false;
    if (is_own(*e)) return put(own, std::move(e));

    // Shared first, and only then its own no more: also what was kept before the keys shared anything, and what was
    // kept while the clock was ahead.
    wall_time sent_at = e->sent_at;
    bool kept = put(shared, std::move(e));
    wall_time until = std::max(sent_at, own_.take_back(own, sent_at).value_or(sent_at));
    store_->drop(entry_key(own), until);
    memory_.erase(own, until);
    return kept;
}

bool tiers::put(key_view key, entry_ptr e)
{
    if (keeping_of(key.name) == view_keeping::off) return false;
    auto lately = dropped_.find({key.partition, std::string(key.name)});
    if (lately != dropped_.end() && e->sent_at <= lately->second) return false;
    if (entry_ptr held = memory_.find(key); held && !supersedes(e->sent_at, held->sent_at)) return false;
    if (is_on_disk(key.name)) store_->put(entry_key(key), e);
    memory_.put(key, std::move(e));
    return true;
}

void tiers::drop(const partition& p, std::string_view name, wall_time sent_until)
{
    std::lock_guard lock(change_);
    key_view own{p.id(), name};
    if (!p.company()) return drop(own, sent_until);
    own_.note(own, sent_until);
    put(own, std::make_shared<const entry>(forbidden_mark(sent_until)));
}

void tiers::drop(key_view key, wall_time sent_until)
{
    if (dropped_.size() >= dropped_max) raise_for_all();
    wall_time& until = dropped_[{key.partition, std::string(key.name)}];
    until = std::max(until, sent_until);
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
    own_.clear();
    store_->drop_all(std::move(done));
    memory_.clear();
}

// A reader that has taken its row before this refills no more, as the shard's version has moved.
void tiers::set_keeping(call_view v, view_keeping k)
{
    std::lock_guard lock(change_);
    (v == call_view::transcript ? transcripts_ : details_) = k;
    if (k != view_keeping::on) store_->drop_view(v);
    if (k == view_keeping::off) memory_.erase_view(v);
}

void tiers::find_queries(const std::string& path, store::names_found done)
{
    store_->find_queries(path, [held = memory_.queries_of(path), done = std::move(done)](std::vector<std::string> all) {
        all.insert(all.end(), held.begin(), held.end());
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
        done(std::move(all));
    });
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

bool tiers::still_holds(std::string_view name, epoch_ticket t) const
{
    std::lock_guard lock(change_);
    return !is_purged(name, t);
}

erasure_record tiers::erasure() const
{
    std::lock_guard lock(change_);
    return erasure_;
}

void tiers::look_after(moment now)
{
    if (!deletes_) deletes_.emplace(now.wall);
    memory_.erase_older(deletes_->follow(now) - keep_max_);
    auto used = memory_.take_used();
    for (std::size_t at = 0; at < used.size(); at += touched_at_once)
    {
        auto first = used.begin() + long(at), last = used.begin() + long(std::min(at + touched_at_once, used.size()));
        store_->touch({std::make_move_iterator(first), std::make_move_iterator(last)}, now.wall);
    }
}

}  // namespace callcache
