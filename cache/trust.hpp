// How long a credential may read what was kept under it.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <optional>

namespace callcache
{

enum class trust
{
    good,   // read what is kept
    renew,  // read, and let the vendor confirm the credential in the background
    ask,    // the vendor must confirm it first; what is kept is read only while upstream fails, and not for ever
    none,   // never confirmed, or refused since, or too long ago: read nothing
};

// `confirmed_at` is when the vendor last answered a lookup or list of this credential with 200 or 404; nothing if it
// never did, or answered 401 since.
trust trust_at(std::optional<wall_time> confirmed_at, wall_time now, const settings&);

}  // namespace callcache
