// Durations and sizes as an operator writes them: "250ms" "10s" "5m" "24h" "7d", "64KiB" "64MiB" "1GiB".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// Nothing if `text` is not a whole, non-negative number with one of the units ms, s, m, h, d, or does not fit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest text that parses back to `d`: 90s stays 90s, 120s becomes 2m.
std::string format_duration(std::chrono::milliseconds d);

// Nothing if `text` is not a whole, non-negative number with one of the units B, KiB, MiB, GiB, or does not fit.
std::optional<std::uint64_t> parse_size(std::string_view text);

// The shortest text that parses back to `bytes`.
std::string format_size(std::uint64_t bytes);

}  // namespace callcache
