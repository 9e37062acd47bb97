// Reads for how long the vendor's 429 asks everyone to wait.
#pragma once

#include "cache/time.hpp"
#include "server/http/reply.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callcache
{

// The field's value: whole seconds, or a date in one of HTTP's three forms (RFC 9110, sections 10.2.3 and 5.6.7).
// Nothing if it is neither, is negative, or is not in the future.
std::optional<duration> read_retry_after(std::string_view field, wall_time now);

// Of several lines of the field the one that asks for the longest time; null if none says anything usable.
const std::string* longest_retry_after(std::span<const field> fields, wall_time now);

// `field` may be null. A Retry-After that says nothing usable means a second, doubled with each 429 in a row before
// (`in_a_row` of them), up to five minutes; one beyond `most` means `most`.
duration pause_after_429(const std::string* field, unsigned in_a_row, duration most, wall_time now);

}  // namespace callcache
