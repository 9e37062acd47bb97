// Times as the vendor writes them: RFC 3339, with a numeric offset or Z, sometimes with fractional seconds.
#pragma once

#include "cache/time.hpp"

#include <optional>
#include <string_view>

namespace callcache
{

// Nothing if `text` is not such a time.
std::optional<wall_time> parse_rfc3339(std::string_view text);

}  // namespace callcache
