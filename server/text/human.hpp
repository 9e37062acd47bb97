// Writes numbers and times as a person reads them.
#pragma once

#include "cache/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace callcache
{

// 10000 → "10,000"
std::string grouped(std::uint64_t n);

// "14:05 UTC"
std::string minute_text(std::chrono::sys_time<std::chrono::minutes>);

// "42 s", "42 min", "3 h 5 min", "8 days 1 h"
std::string span_text(std::int64_t seconds);

// "40 ms", "1.5 s", and from 10 s on as span_text().
std::string wait_text(double seconds);

// "14:05:31 UTC", with the date if it is not within a day of `now`.
std::string clock_text(wall_time, wall_time now, bool with_seconds = true);

}  // namespace callcache
