// What an answer, or the lack of one, means for what is kept, for the credential's trust, and for everyone who waits.
// Fetch loop only.
#pragma once

#include "cache/call_answer.hpp"
#include "server/fetch/miss_path.hpp"

#include <variant>

namespace callcache
{

// What came of a lookup: an answer, a failure, or the budget's word.
using fetched = std::variant<upstream_answer, upstream_failure, refusal>;

// The flight ends.
void settle(miss_path&, lookup_flight&, fetched);

// The flight ends: each who waits is answered from what is kept, where its age allows it; the others are told why
// there is no answer.
void fail(miss_path&, flight&, const unsent& why);

// Learns from a list, or from a bulk read of a tool's own, that has been forwarded as a whole: a list may confirm the
// credential, and the calls of both are kept, also from a gzipped one. Where an answer that was sent for later is kept
// already, it stays.
void keep_brought(miss_path&, const relay_flight&, const upstream_answer&);

// Keeps the calls that an answer brought, as of the attempt that it is the answer to.
void keep_calls(miss_path&, partition& whose, const upstream_answer&, const bulk_answer&, source, const attempt&);

}  // namespace callcache
