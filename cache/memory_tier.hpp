// The entries that are held in memory: the one thing that the fronts share.
//
// Bounded in bytes, with SIEVE for eviction (Zhang et al., NSDI 2024): a hit sets one bit and moves nothing, so that
// the lock is held for a look-up only, and a pass over many ids once does not throw out what is asked for again.
// S3-FIFO keeps a little more of some loads, at the cost of three queues; with the disk behind it, a miss here costs a
// read and not a call of the day, so the plainer one it is.
//
// Transcripts and details are fifty times as long as calls. A quarter of the bytes is for calls, and kept routes,
// alone.
#pragma once

#include "cache/call_view.hpp"

#include <memory>
#include <vector>

namespace callcache
{

// Any thread; sharded by name, so that a path's queries spread, with a short lock for each shard.
class memory_tier
{
public:
    explicit memory_tier(std::size_t bytes_max);
    ~memory_tier();

    entry_ptr find(key_view) const;

    // False, and nothing changes, if an entry that was sent for later is held. False too if `e` alone exceeds the
    // bound: then what was held goes, as it is the older one.
    bool put(key_view, entry_ptr e);

    // The way back from the disk. Take `version` before reading the row: if anything was put, erased or cleared in the
    // shard since, the refill is refused, as the row may be older than what happened:
    //   A: reads the row      B: purge: queues the delete, clears memory      A: refill: refused
    std::uint64_t version(key_view) const;
    bool refill(key_view, entry_ptr e, std::uint64_t version);

    // Erases the entry, unless it was sent for after `sent_until`.
    void erase(key_view, wall_time sent_until);
    void erase_name(std::string_view name);  // and with any query, under every partition
    void erase_view(call_view);              // of every call. REQUIRES: not `call`
    void erase_older(wall_time than);        // by sent_at
    void clear();

    // The names that are held of this path with a query; some may stand there twice.
    std::vector<std::string> queries_of(std::string_view path) const;

    // The keys that were found since this was last called, for the store's recency.
    std::vector<entry_key> take_used();

    std::size_t entries() const;
    std::size_t bytes() const;
    std::uint64_t evicted() const;  // entries, since the start

private:
    struct node;
    struct shard;

    template<class Of>
    std::size_t sum(Of) const;
    shard& shard_of(std::string_view name) const;

    const std::size_t shard_count_;
    const std::size_t shard_bytes_max_;
    const std::unique_ptr<shard[]> shards_;
};

}  // namespace callcache
