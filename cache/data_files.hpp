// The files that callcache writes, where they really are: every link is followed, so that a file has one name, whatever
// it is called in the configuration. By that name it is locked, opened and replaced.
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
