#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace callcache
{

// Nothing if it cannot be read.
inline std::optional<std::string> read_whole_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return std::nullopt;
    return text.str();
}

}  // namespace callcache
