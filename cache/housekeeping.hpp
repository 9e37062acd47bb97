// Keeps the database within its limits: deletes rows that were purged, have expired or have no room, then frees their
// pages, in steps so small that nobody waits for long behind one.
#pragma once

#include "cache/rows.hpp"
#include "cache/store.hpp"

namespace callcache::sqlite
{

// The writer's thread.
class housekeeping
{
public:
    explicit housekeeping(const store_options& options) : options_(options) {}

    // One step, which is a small transaction of its own. True while there is more to do. Throws failure.
    bool step(row_writer&, wall_time now);

    // Entries that went to make room, since the start.
    std::uint64_t evicted() const { return evicted_; }

private:
    bool remove_purged(row_writer&);
    bool evict(row_writer&, wall_time unused_since);

    const store_options& options_;
    std::int64_t generation_ = 0, purged_ = 0;  // rows up to `purged_` are of this generation
    std::uint64_t evicted_ = 0;
    wall_time forgot_at_{};
};

}  // namespace callcache::sqlite
