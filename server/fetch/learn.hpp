// What an answer of the vendor, or the lack of one, says about the vendor: the breaker, its pauses, the day's budget.
#pragma once

#include "server/fetch/miss_path.hpp"

namespace callcache
{

// What is lost, too slow, 502, 503 or 504 is an outage of the vendor, and so is every other 5xx to a call's lookup. One
// endpoint that answers 500 says nothing about the others; nor does nonsense.
bool is_outage(const upstream_result&, bool of_call);

// What came of a flight's last attempt.
void learn_from(miss_path&, const flight&, const upstream_result&, bool is_outage);

// A 429: all sending stops for as long as the vendor asks.
void hear_429(miss_path&, const flight&, const std::string* retry_after);

// Says to all fronts whether the day's budget has to be stretched; and again as the day goes on.
void stretch(miss_path&);

}  // namespace callcache
