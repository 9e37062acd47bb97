// From what was found to settings: a JSON file, then the environment, then flags; the later wins.
#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace callcache
{

struct config_sources
{
    std::string file_name;                                         // for messages
    std::optional<std::string> file_text;                          // JSON, comments allowed
    std::vector<std::pair<std::string, std::string>> environment;  // every variable, ours or not
    std::vector<std::string> assignments;                          // "server.listen=localhost:4664"
};

// One line for the operator: where, which key, what was found, what is allowed, the nearest known key.
using config_problem = std::string;

struct loaded_settings
{
    settings values;  // the defaults, where a value was refused
    std::vector<config_problem> problems;
};

// Never throws. All problems are found, not only the first.
loaded_settings load_settings(const config_sources&);

// What an operator is warned of if HTTPS_PROXY names one of callcache's own addresses, or nothing.
std::optional<std::string> own_proxy_warning(const settings&);

// What a row of the table alone cannot tell: keys that contradict each other.
std::vector<config_problem> contradictions(const settings&);

}  // namespace callcache
