// The answer to a request that the budget refuses.
#pragma once

#include "server/budget/refusal.hpp"
#include "server/http/outcome.hpp"
#include "server/http/reply.hpp"

namespace callcache
{

// A 429 with the text of words_of() (budget/refusal.hpp), and with Retry-After, RateLimit-Policy and RateLimit
// (draft-ietf-httpapi-ratelimit-headers-10). If the ledger is not ours any more it is a 503 without them, as nobody
// knows when the request could be sent; and a 503 for a tool that was taken for gone.
reply refusal_reply(const refusal&, const budget_settings&, wall_time now);

constexpr outcome outcome_of(const refusal& r)
{
    return r.why == refusal::reason::not_ours ? outcome::error : outcome::limited;
}

}  // namespace callcache
