// The same call, fetched under several credentials: what `credentials.share` would save.
//
// An API call counts as saved if the call that it brought had been fetched under another credential on the same day
// (UTC), and this credential had not fetched it yet: a refresh would have been needed all the same. What a bulk read
// brings is not counted, as it is a part of an API call only, but whoever fetches it after that is.
#pragma once

#include "cache/digest.hpp"
#include "cache/time.hpp"

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace callcache
{

struct duplicate_report
{
    std::uint64_t total = 0;      // since the start
    std::uint64_t today = 0;      // API calls
    std::size_t credentials = 0;  // that fetched today what another one had, or that it was fetched from
};

// Pure; one thread. At most about 8 MiB: of a day on which more is fetched, the rest is not looked at.
class duplicate_fetches
{
public:
    static constexpr std::size_t calls_max = 50000;

    // `name` is the partition's; `alone`: by an API call of its own.
    void fetched(std::string_view id, const digest& name, bool alone, wall_time now);
    duplicate_report report(wall_time now) const;

private:
    std::chrono::sys_days day_{};
    std::unordered_map<std::uint64_t, std::uint64_t> first_;  // call → the credential that fetched it first
    std::unordered_set<std::uint64_t> others_;                // call and a further credential
    std::unordered_set<std::uint64_t> credentials_;
    std::uint64_t total_ = 0, today_ = 0;
};

}  // namespace callcache
