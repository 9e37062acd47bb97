// What a tool is told in place of the vendor's answer. Fetch loop only.
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

// The answer to a lookup that the budget refused, or that failed.
looked_up not_answered(const miss_path&, const refusal&);
looked_up not_answered(const miss_path&, const upstream_failure&, const lookup&);

// What is kept, if it may serve although the vendor gave no usable answer; otherwise `otherwise`.
looked_up fallback(const miss_path&, const lookup&, looked_up otherwise);

}  // namespace callcache
