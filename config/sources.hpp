// Where the configuration's values come from.
#pragma once

#include "config/load.hpp"

#include <map>
#include <string>

namespace callcache
{

// What set each key, by its path: "cc.json", "CALLCACHE_CACHE_PATH", "--set"; a key with its default is not there.
// REQUIRES: load_settings() of the same finds no problem.
std::map<std::string, std::string> sources_of(const config_sources&);

}  // namespace callcache
