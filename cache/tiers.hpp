// What is kept: the memory tier with the store behind it, and the rule that the two never disagree to a reader's harm.
#pragma once

#include "cache/deletion_clock.hpp"
#include "cache/epoch.hpp"
#include "cache/memory_tier.hpp"
#include "cache/partition.hpp"
#include "cache/private_overrides.hpp"
#include "cache/store.hpp"
#include "config/cache_settings.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace callcache
{

// Any thread. What is said of a partition holds with its company's: what is its own goes first (private_overrides.hpp).
class tiers
{
public:
    tiers(std::size_t memory_max, std::unique_ptr<store>, duration keep_max = std::chrono::hours(30 * 24));

    entry_ptr find_in_memory(const partition&, std::string_view name) const;

    // Asks the store for what can be read without waiting for a disk, and refills memory. What it does not find may be
    // kept. REQUIRES: the partition is enrolled.
    entry_ptr find_at_once(const partition&, std::string_view name);

    // Asks the store, and refills memory. `done` may be called before this returns, or later on another thread.
    // REQUIRES: the partition is enrolled.
    void find_on_disk(const partition_ptr&, std::string_view name, store::found done);

    epoch_ticket ticket() const { return epoch_.load(std::memory_order_acquire); }

    // Keeps `e` in both tiers, for its company too unless is_own(). False if something was purged since the ticket was
    // taken, the entry was dropped by a request that was sent later, or a newer one is kept. REQUIRES: the partition is
    // enrolled.
    bool keep(const partition&, std::string_view name, entry_ptr e, epoch_ticket);

    // Drops one entry: the vendor says that this credential may not read it any more. The others of its company may: it
    // leaves a mark that hides it from this one.
    // REQUIRES: the partition is enrolled.
    void drop(const partition&, std::string_view name, wall_time sent_until);

    // Nothing that was kept, or sent for, before the call is served after it. `done(true)` once that is durable.
    void purge(std::string_view name, store::written done);  // and with any query, under every partition
    void purge_all(store::written done);

    // Where this view of calls may lie from now on. What lies elsewhere is deleted: on the disk in the background.
    // REQUIRES: not `call`, which is always kept.
    void set_keeping(call_view, view_keeping);

    // The names that are kept of this path with a query, under any partition, each once; not many more than
    // store::names_max. `done` as of find_on_disk().
    void find_queries(const std::string& path, store::names_found done);

    // An erasure is about to be sent to the vendor at `at`; `done` once it would not be forgotten. One that is not
    // ended counts as done, also for the next process. `done` of ended(): once everything is dropped, if it counts as
    // done.
    void erasure_begins(wall_time at, store::written done);
    void erasure_ends(wall_time began, bool counts, store::written done);

    // True if what was sent for at `sent_at` may still show what is about to go.
    bool is_guarded(duration guard, wall_time sent_at) const;

    // False if what was found under this name after the ticket was taken has been purged since.
    bool still_holds(std::string_view name, epoch_ticket) const;
    erasure_record erasure() const;

    // Hands what was found in memory since the last call to the store, as recently used, and drops from memory what the
    // disk deletes for its age. One thread.
    void look_after(moment now);

    store& disk() { return *store_; }
    const memory_tier& memory() const { return memory_; }

private:
    void find_on_disk(const entry_key&, store::found done);
    bool is_purged(std::string_view name, epoch_ticket) const;
    view_keeping keeping_of(std::string_view name) const;
    bool is_on_disk(std::string_view name) const { return keeping_of(name) == view_keeping::on; }
    bool put(key_view, entry_ptr);
    void drop(key_view, wall_time sent_until);
    void raise_for_all();

    memory_tier memory_;
    std::atomic<epoch_ticket> epoch_{0};
    mutable std::mutex change_;    // keeping and purging exclude each other; reading takes no part
    epoch_ticket all_purged_ = 0;  // the epoch that the last purge of everything began
    std::map<std::string, epoch_ticket, std::less<>> purged_;  // lately, of one name each
    std::map<std::pair<partition_id, std::string>, wall_time>
        dropped_;  // lately, until when: an older answer is not kept
    erasure_record erasure_;
    std::size_t erasures_ = 0;  // on their way
    private_overrides own_;
    std::atomic<view_keeping> transcripts_{view_keeping::on}, details_{view_keeping::on};  // written under change_
    const duration keep_max_;
    std::optional<deletion_clock> deletes_;
    std::unique_ptr<store> store_;  // whose readers use all of the above until it is gone
};

}  // namespace callcache
