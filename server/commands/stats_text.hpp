// What `callcache stats` shows of GET /stats.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// The first line is the headline. Lines for a person to read, each of them harmless to a terminal; nothing if this is
// not what callcache answers.
std::optional<std::string> stats_text(std::string_view json);

}  // namespace callcache
