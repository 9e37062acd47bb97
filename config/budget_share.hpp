// Whether a share of the company's limit holds in every second.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace callcache
{

// The most requests that can fall within one second. At most `burst` requests go in any `burst`/`rate` seconds; where
// a second is no whole number of these spans, it touches one more of them, so that this is more than `rate`.
std::uint64_t most_in_a_second(const budget_settings&);

// The operator's line about a share that one second can exceed; nullopt where none can, or nothing is sent.
std::optional<std::string> share_warning(const settings&);

}  // namespace callcache
