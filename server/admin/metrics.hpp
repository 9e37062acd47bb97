// What GET /metrics answers.
#pragma once

#include "server/admin/overview.hpp"

#include <string>

namespace callcache
{

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// Prometheus's text format, version 0.0.4. Every label is bounded: whatever tools, paths or the vendor send, there are
// at most some hundred series for each name.
std::string metrics_document(const overview&);

}  // namespace callcache
