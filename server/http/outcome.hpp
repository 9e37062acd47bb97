// The outcome words: the same in header, log and metric.
#pragma once

#include <cstddef>
#include <string_view>

namespace callcache
{

enum class outcome
{
    hit,        // from the cache, fresh
    stale,      // from the cache, past its freshness
    negative,   // from the cache: there is no such call
    miss,       // fetched for this request
    collapsed,  // fetched for another request, which this one joined
    bulk,       // fetched together with others, in one bulk read
    partial,    // some of the calls from the cache, the others fetched
    pass,       // handed on, and not kept
    limited,    // the budget said no
    offline,    // from the cache, past its freshness, as nothing goes upstream (mode offline)
    error,      // refused, or upstream failed; stays the last
};
inline constexpr std::size_t outcome_count = std::size_t(outcome::error) + 1;

constexpr std::string_view word(outcome o)
{
    switch (o)
    {
    case outcome::hit: return "hit";
    case outcome::stale: return "stale";
    case outcome::negative: return "negative";
    case outcome::miss: return "miss";
    case outcome::collapsed: return "collapsed";
    case outcome::bulk: return "bulk";
    case outcome::partial: return "partial";
    case outcome::pass: return "pass";
    case outcome::limited: return "limited";
    case outcome::offline: return "offline";
    case outcome::error: return "error";
    }
    return "error";
}

}  // namespace callcache
