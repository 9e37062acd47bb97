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

// By the budget; or by what happened on the way to the vendor, to a request that a 401 would refuse as that.
looked_up not_answered(const miss_path&, const refusal&);
looked_up not_answered(const miss_path&, const upstream_failure&, const refused_use&);

// What is kept, if it may serve although the vendor could not be asked; otherwise `otherwise`.
looked_up fallback(const miss_path&, const lookup&, looked_up otherwise);

}  // namespace callcache
