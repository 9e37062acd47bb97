// Reads and writes times as the vendor does: RFC 3339, with a numeric offset or Z, sometimes with fractional seconds.
#pragma once

#include "cache/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// Nothing if `text` is not such a time.
std::optional<wall_time> parse_rfc3339(std::string_view text);

// "2026-11-24T08:00:00Z", whole seconds, rounded down.
std::string format_rfc3339(wall_time);

}  // namespace callcache
