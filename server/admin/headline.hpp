// What stands at the top of the status page and of `callcache stats`, in words.
#pragma once

#include "server/admin/overview.hpp"

#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// "1,204 of 10,000 · lasts all day · etl 61 %, agent 22 % · 18,340 answered without Gong"
std::string headline(const overview&);

// The operator's sentence about a certificate towards tools that ends within 14 days, or has ended; else nothing.
std::optional<std::string> certificate_warning(std::optional<wall_time> end, wall_time now);

// What the operator could do better, one sentence each.
std::vector<std::string> hints(const overview&);

}  // namespace callcache
