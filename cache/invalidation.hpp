// What a request that passes through makes untrue of what is kept (RFC 9111, section 4.4).
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

struct invalidation
{
    bool is_safe = true;                  // by its method: then it changes nothing, whatever its answer names
    std::vector<std::string> names = {};  // of entries, each with any query
    bool erases = false;                  // everything: what it touches cannot be told

    bool is_nothing() const { return names.empty() && !erases; }
};

// How a request ended, for what it may have changed.
struct unsafe_end
{
    unsigned status = 0;       // of the answer; 0: there is none
    bool is_whole = false;     // all of the request may have reached the vendor
    bool is_accepted = false;  // the vendor has accepted the request's credential before, and not refused it since
};

// True if the request counts as done, so that what it changes is dropped. A 2xx says that it is done, a 4xx that it is
// not. After anything else (3xx, 5xx, no answer) that is unknown, and it counts as done if the vendor can have acted:
// the request was sent whole, with a credential that the vendor accepts. So nobody drops what is kept of others with a
// made-up credential, or with half of a body.
bool counts_as_done(const unsafe_end&);

using kept_routes = std::vector<route_settings>;

// `target` is what the vendor sees. A safe method changes nothing. What is changed below a call (its media, who may see
// it) changes the call. What is never kept is not named.
invalidation changed_by(bool is_safe, std::string_view target, const kept_routes&);

// Adds what the answer's Location or Content-Location names, if it is of the vendor itself and the method is unsafe
// (RFC 9111, section 4.4).
void add_location(invalidation&, std::string_view location, std::string_view upstream_origin, const kept_routes&);

}  // namespace callcache
