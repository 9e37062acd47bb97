// What a tool asks of the cache, in its own request (RFC 9111, section 5.2.1), how long it will queue (RFC 7240), and
// how urgent it is (RFC 9218).
#pragma once

#include "cache/time.hpp"

#include <optional>
#include <string_view>

namespace callcache
{

struct directives
{
    bool no_cache = false;
    bool no_store = false;
    bool only_if_cached = false;
    std::optional<duration> max_age;
    std::optional<duration> min_fresh;
    std::optional<duration> max_stale;  // without a value: duration::max()
    std::optional<duration> wait;       // Prefer: wait=N
    bool background = false;            // Priority: u=6 or u=7
};

// A number of seconds, of at most 2^31 (RFC 9111, section 1.2.2); nullopt if the text is none.
std::optional<duration> read_seconds(std::string_view text);

// Adds what a Cache-Control field says. What is not understood is ignored, as RFC 9111, section 5.2 asks.
void read_cache_control(directives&, std::string_view field);

// Pragma: no-cache, which counts only while there is no Cache-Control (RFC 9111, section 5.4).
void read_pragma(directives&, std::string_view field);

// Prefer: wait=N, in seconds (RFC 7240, section 4.3).
void read_prefer(directives&, std::string_view field);

// Priority: u=N, from 0 to 7; 6 and 7 are background work here (RFC 9218, section 4.1).
void read_priority(directives&, std::string_view field);

}  // namespace callcache
