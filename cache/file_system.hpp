#pragma once

#include <cstdint>
#include <string>

namespace callcache
{

// The number of the file system (statfs(2), f_type) that a file lies on, or would if it were made; 0 if that cannot be
// asked.
std::uint32_t file_system_at(const std::string& path);

// True if surely nothing is at the path. Where the system does not say (a folder that may not be read, a file server
// that does not answer, links in a circle) it is false: what is open there is to be left as it is.
bool is_gone(const std::string& path);

// The folder of a path: "." for a bare name.
std::string folder_of(const std::string& path);

}  // namespace callcache
