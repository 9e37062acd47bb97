// What GET /stats answers.
#pragma once

#include "server/admin/overview.hpp"

#include <optional>
#include <string>

namespace callcache
{

// JSON. Times of day are in seconds since 1970, durations in seconds. `resumed`: for the answer of POST /resume,
// whether there was a pause to end.
std::string stats_document(const overview&, std::optional<bool> resumed = std::nullopt);

}  // namespace callcache
