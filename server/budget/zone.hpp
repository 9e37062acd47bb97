// The days of an IANA time zone.
#pragma once

#include "server/budget/daily_quota.hpp"

#include <string>
#include <variant>

namespace callcache
{

// Of budget.day: empty for "sliding", else the zone's days; or the operator's line that says why there are none. Reads
// the system's zone data.
std::variant<calendar, std::string> calendar_of(const std::string& day);

}  // namespace callcache
