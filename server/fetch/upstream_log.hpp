// The line of log.access for each request that was sent upstream, and its count. Fetch loop only.
#pragma once

#include "server/fetch/miss_path.hpp"

namespace callcache
{

// It has ended. `calls`: of a bulk read, how many were asked for; else 0.
void note_end(miss_path&, const flight&, const upstream_result&, std::size_t calls = 0);

}  // namespace callcache
