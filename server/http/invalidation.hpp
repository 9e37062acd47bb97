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
    std::vector<std::string> names;  // of entries, each with any query
    bool erases = false;             // everything: what it touches cannot be told

    bool is_nothing() const { return names.empty() && !erases; }
};

using kept_routes = std::vector<route_settings>;

// `target` is what the vendor sees. A safe method changes nothing. What is changed below a call (its media, who may see
// it) changes the call. What is never kept is not named.
invalidation changed_by(bool is_safe, std::string_view target, const kept_routes&);

// Adds what the answer's Location or Content-Location names, if it is of the vendor itself (RFC 9111, section 4.4).
void add_location(invalidation&, std::string_view location, std::string_view upstream_origin, const kept_routes&);

}  // namespace callcache
