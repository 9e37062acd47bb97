// Numbers as a person reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace callcache
{

// 10000 → "10,000"
std::string grouped(std::uint64_t n);

// "14:05 UTC"
std::string minute_text(std::chrono::sys_time<std::chrono::minutes>);

// "42 s", "42 min", "3 h 5 min"
std::string span_text(std::int64_t seconds);

}  // namespace callcache
