// How long a transcript is fresh.
#pragma once

#include "cache/tiers.hpp"
#include "server/fetch/lookup.hpp"

namespace callcache
{

// From its sent_at on, by what is known now of its call: when it started, and whether it is private. A transcript does
// not say that itself, and its call may have become private since. Other views say it, and go by their own time. Any
// thread.
duration fresh_for_now(const tiers&, const settings&, const read_terms&, std::string_view name, const entry&);

}  // namespace callcache
