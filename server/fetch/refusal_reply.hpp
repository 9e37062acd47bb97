// The 429 for a request that the budget refuses.
#pragma once

#include "server/budget/refusal.hpp"
#include "server/http/reply.hpp"

namespace callcache
{

// In the contract's words, with Retry-After, RateLimit-Policy and RateLimit
// (draft-ietf-httpapi-ratelimit-headers-10).
reply too_many_requests(const refusal&, const budget_settings&, wall_time now);

}  // namespace callcache
