#pragma once

#include <charconv>
#include <cstdint>
#include <string>

namespace callcache
{

// In decimal.
inline void append_number(std::string& out, std::int64_t n)
{
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

}  // namespace callcache
