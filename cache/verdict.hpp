// What to do with a lookup, given what is kept.
#pragma once

#include "cache/directives.hpp"
#include "cache/entry.hpp"
#include "cache/trust.hpp"

namespace callcache
{

enum class verdict
{
    serve,          // fresh: answer from the cache
    serve_refresh,  // stale within its window, or the trust needs renewing: answer, and refresh in the background
    fetch,          // nothing usable is kept
    pass,           // the vendor says that this may not be kept: each request is forwarded for itself
    refuse,         // only-if-cached or offline, and nothing usable is kept: 504
};

// Why, in a word for the `detail` of Cache-Status and for `fwd`.
enum class why
{
    fresh,
    stale,
    negative,
    kept_young,  // the tool asked for a fetch, and the entry is young enough, or the budget is stretched
    not_kept,    // fwd=uri-miss
    expired,     // fwd=stale
    asked,       // fwd=request: the tool's own directives
    untrusted,   // fwd=bypass: the credential must be confirmed first
    offline,     // past its freshness, as nothing goes upstream
};

struct decision
{
    callcache::verdict verdict;
    why reason;
};

// `kept` may be null. `stretched`: the day's budget runs out faster than the day. Pure: everything it depends on is an
// argument.
decision decide(const entry* kept, trust trusted, const directives& asked, const settings&, wall_time now,
                bool stretched = false);

// True if `kept` may answer although the vendor could not be asked.
bool serves_on_error(const entry* kept, trust trusted, const settings&, wall_time now);

}  // namespace callcache
