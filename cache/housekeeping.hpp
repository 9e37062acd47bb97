// Keeps the database within its limits: deletes rows that were purged, have expired or have no room, then frees their
// pages, in steps so small that nobody waits for long behind one.
//
// Its files take at most store_options::bytes_max and 64 MiB: the entries bytes_max, the rest is for free pages, for
// the log, and for what a transaction adds to it. Nothing is put once that is used up, or once the disk is nearly full:
// the ledger of the day lies on it too, and must never lack room because of what is only a cache. A drop may go beyond:
// there is no promise without it, and it adds little. While somebody who reads the file keeps the log from being cut,
// deleting makes the log longer and nothing shorter, and so it waits.
#pragma once

#include "cache/deletion_clock.hpp"
#include "cache/rows.hpp"
#include "cache/store.hpp"

#include <optional>
#include <set>

namespace callcache::sqlite
{

// The writer's thread.
class housekeeping
{
public:
    explicit housekeeping(const store_options& options) : options_(options) {}

    // One step, which is a small transaction of its own. True while there is more to do. Throws failure.
    bool step(row_writer&, wall_time now);

    // Its rows are deleted in the steps that follow. REQUIRES: not `call`.
    void drop_view(call_view v) { dropped_views_.insert(v); }

    // True if files of this size may grow by what one transaction and one step add, and the disk has room for it.
    bool has_room(std::uint64_t file_bytes) const;

    // Entries that went to make room, since the start.
    std::uint64_t evicted() const { return evicted_; }

private:
    wall_time deletion_time(database&, wall_time now);
    void forget_unused(database&, wall_time now);
    bool remove_purged(row_writer&);
    bool remove_views(row_writer&);
    std::string last_used_first(row_writer&) const;
    bool evict(row_writer&, wall_time unused_since);

    const store_options& options_;
    std::int64_t generation_ = 0, purged_ = 0;  // rows up to `purged_` are of this generation
    std::set<call_view> dropped_views_;
    std::uint64_t evicted_ = 0;
    wall_time forgot_at_{};
    std::optional<deletion_clock> clock_;
};

}  // namespace callcache::sqlite
