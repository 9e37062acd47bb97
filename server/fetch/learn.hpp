// What an answer of the vendor, or the lack of one, says about the vendor: the breaker, its pauses, the day's budget.
// Fetch loop only.
#pragma once

#include "server/fetch/miss_path.hpp"

namespace callcache
{

// What one attempt says about the vendor as a whole.
enum class sign
{
    nothing,      // neither
    well,         // it answers
    odd,          // a failure that is most likely the matter with this id or path alone
    failed,       // it was sent, and came to nothing
    unreachable,  // there was no connection
};

// What is lost, too slow, 502, 503 or 504 has failed. Any other 5xx, and an answer that is somebody else's, may be
// the matter with one id; what one forwarded path answers with 504, or too slowly, with that path; what a bulk read is
// lost by with one of its calls. A bulk read's 500 says nothing: its calls are asked for again in smaller ones.
sign sign_of(const flight&, const upstream_result&, bool is_bulk);

// What came of a flight's last attempt, which was a bulk read or not.
void learn_from(miss_path&, const flight&, const upstream_result&, bool is_bulk = false);

// Says to all fronts until when a refresh would only be turned down, as Gong is down.
void hold_refreshes(miss_path&);

// For how long a 503 asks not to be asked again (Retry-After, RFC 9110, section 10.2.3); zero if it does not.
duration unavailable_for(const upstream_result&, wall_time now);

// A 429: all sending stops for as long as the vendor asks.
void hear_429(miss_path&, const flight&, const std::string* retry_after);

// The operator ends the vendor's pause.
void resume(miss_path&);

// At the start: says what the ledger brings, a pause of the vendor's or a day that runs out.
void begin_with_the_ledger(miss_path&);

// Says to all fronts whether the day's budget has to be stretched; and again as the day goes on.
void stretch(miss_path&);

}  // namespace callcache
