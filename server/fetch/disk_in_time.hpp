// Reading and purging, for one who does not wait for a disk that hangs.
#pragma once

#include "cache/tiers.hpp"
#include "server/async/patience.hpp"

#include <string>
#include <vector>

namespace callcache
{

// From the call on nothing of these names is served. True once that is durable, false if it cannot be written; nullopt
// if the disk does not answer: then it is written when the disk can be, and forgotten by a restart before that.
task<std::optional<bool>> purge_in_time(tiers&, const std::vector<std::string>& names, const clock_source&);

// The same of everything.
task<std::optional<bool>> purge_all_in_time(tiers&, const clock_source&);

// What is kept on disk, or null; nullopt if the disk does not answer. `answers` is called, on any thread, once it does.
// `moves` says whether other reads have ended since it was last asked: then this one stands behind many, and is waited
// for.
task<std::optional<entry_ptr>> find_in_time(
    tiers&, const partition_ptr&, std::string_view name, const clock_source&, std::function<void()> answers = [] {},
    std::function<bool()> moves = nullptr);

// The names that are kept of this path with a query (tiers.hpp); nullopt if the disk does not answer.
task<std::optional<std::vector<std::string>>> find_queries_in_time(tiers&, std::string path, const clock_source&);

// The operator's line for a purge that the disk does not answer.
inline constexpr std::string_view disk_hangs =
    "the database does not answer: its disk hangs. What was to be deleted is not served any more, but a restart would "
    "forget that";

}  // namespace callcache
