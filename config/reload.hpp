// What of a configuration that was read again can be put in force while callcache runs.
#pragma once

#include "config/load.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

struct reloaded
{
    settings values;                         // in force from now on; as before if there are problems
    std::vector<std::string> changed;        // "budget.rate: 3 → 2"; of no secret
    std::vector<std::string> needs_restart;  // keys that differ, and stay as they were
    std::vector<config_problem> problems;    // if there are any, nothing changes
};

// `next` replaces `now`, as far as that can be. Pure.
reloaded reload(const settings& now, const loaded_settings& next);

// True for a key of what is built once: addresses, threads, files (and the folders that confinement was told of),
// whose cache it is.
bool needs_restart(std::string_view path);

}  // namespace callcache
