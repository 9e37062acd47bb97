// When something was kept or found, as far as a purge counts.
#pragma once

#include <cstdint>

namespace callcache
{

// Taken by a flight when it sends, and by a front before it looks: what was kept or found under an older one than a
// purge's counts as purged.
//   A: fetch sent      B: purge      A: the answer arrives, and is given to who asked, but not kept
using epoch_ticket = std::uint64_t;

}  // namespace callcache
