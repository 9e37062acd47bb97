// What GET /stats answers.
#pragma once

#include "server/admin/overview.hpp"

#include <string>

namespace callcache
{

// JSON. Times of day are in seconds since 1970, durations in seconds.
std::string stats_document(const overview&);

}  // namespace callcache
