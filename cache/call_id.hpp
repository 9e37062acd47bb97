// A call's id: "Gong's unique numeric identifier for the call (up to 20 digits)", in the vendor's words. Real ones are
// beyond 2^53 and 20 digits exceed 2^64, so an id is opaque text and never a number.
#pragma once

#include "config/ascii.hpp"

#include <algorithm>
#include <string_view>

namespace callcache
{

inline constexpr std::size_t call_id_digits_max = 20;

inline bool is_call_id(std::string_view text)
{
    return !text.empty() && text.size() <= call_id_digits_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}

}  // namespace callcache
