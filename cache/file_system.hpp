#pragma once

#include <cstdint>
#include <string>

namespace callcache
{

// The number of the file system (statfs(2), f_type) that a file lies on, or would if it were made; 0 if that cannot be
// asked.
std::uint32_t file_system_at(const std::string& path);

// The folder of a path: "." for a bare name.
std::string folder_of(const std::string& path);

}  // namespace callcache
