// What the vendor was asked to erase: it takes hours, and what it touches cannot be told from a call. So everything
// that was kept is dropped, and for a while nothing is fresh for long.
#pragma once

#include "cache/time.hpp"

namespace callcache
{

// What outlives the process of it. One that was sent, and whose outcome is not known, counts as done.
struct erasure_record
{
    wall_time erased_at{};      // when the last was sent that counts as done; 1970: none
    wall_time erasing_since{};  // when the first was sent of those whose outcome is not known; 1970: none
};

// True if what was sent for at `sent_at` may still show what is about to go.
inline bool is_guarded(const erasure_record& e, duration guard, wall_time sent_at)
{
    wall_time from = std::max(e.erased_at, e.erasing_since);
    return from != wall_time() && sent_at < from + guard;
}

}  // namespace callcache
