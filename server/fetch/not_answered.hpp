// What a tool is told in place of the vendor's answer.
#pragma once

#include "server/budget/refusal.hpp"
#include "server/fetch/lookup.hpp"
#include "server/fetch/refused_credentials.hpp"
#include "server/http/reply.hpp"

namespace callcache
{

struct miss_path;

// callcache's own answer to one who asks.
looked_up own(reply, outcome, std::string_view detail = {});

// The answer to a request that the budget refused, or that failed. `refused_use`: what of it a 401 refuses, whose
// back-off its Retry-After comes from.
looked_up not_answered(const miss_path&, const refusal&);
looked_up not_answered(const miss_path&, const upstream_failure&, const refused_use&);

// What is kept, if it may serve although the vendor gave no usable answer; otherwise `otherwise`.
looked_up fallback(const miss_path&, const lookup&, looked_up otherwise);

}  // namespace callcache
