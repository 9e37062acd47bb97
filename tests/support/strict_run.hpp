// Twenty tools that ask for different calls at full speed, through a callcache process, in front of a vendor with
// Gong's own limits: how much of the limit is used, and how often the vendor says 429.
#pragma once

#include <chrono>
#include <cstddef>

namespace callcache::test
{

struct strict_result
{
    std::size_t requests = 0;          // that the vendor counted, from the first to the end
    std::size_t refused = 0;           // with 429
    std::size_t wrong = 0;             // answers that are not the call
    std::size_t most_in_a_second = 0;  // that the vendor counted
    double seconds = 0;                // from the first request on

    // Of the 3 a second that are allowed.
    double used() const { return double(requests) / (3 * seconds); }
};

// The simulated vendor, and the way to it.
struct strict_vendor
{
    std::chrono::milliseconds way_jitter{0};  // up to so much from the sending of each request until it counts
    std::chrono::milliseconds latency{0};     // of each answer
    std::size_t stall_every = 0;              // one of so many requests counts `stall` later; 0: none
    std::chrono::milliseconds stall{0};       // TCP has acknowledged the request by then
};

strict_result run_strictly(std::chrono::seconds for_so_long, const strict_vendor&);

inline strict_result run_strictly(std::chrono::seconds for_so_long, std::chrono::milliseconds way_jitter)
{
    return run_strictly(for_so_long, strict_vendor{way_jitter});
}

}  // namespace callcache::test
