// The real paths of the files that callcache writes. Links are followed, so each file has one name, and is locked,
// opened and replaced by it.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <variant>

namespace callcache
{

inline constexpr const char* in_memory = ":memory:";

// Absolute, and without symbolic links; or `in_memory`.
struct data_files
{
    std::string cache;   // cache.path
    std::string ledger;  // budget.path; if that is empty, beside what cache.path leads to
};

// Looks at the file system. The string: the operator's line that says why there are none.
std::variant<data_files, std::string> find_data_files(const settings&);

}  // namespace callcache
