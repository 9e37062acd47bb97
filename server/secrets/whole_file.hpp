// Reads a whole file that the configuration names, and says so where it cannot be read.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace callcache
{

// Nothing if it cannot be read, or is a folder.
inline std::optional<std::string> read_whole_file(const std::string& path)
{
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown)) return std::nullopt;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return std::nullopt;
    return text.str();
}

// The operator's line for a file that `key` names and that cannot be read. Without its name where that may be a secret
// which somebody has put where its file should be named.
inline std::string cannot_read(std::string_view key, const std::string& path)
{
    constexpr std::size_t secret_characters_min = 16;
    bool is_surely_a_path = path.size() < secret_characters_min || path.starts_with('/') || path.starts_with("./") ||
                            path.starts_with("../") || path.starts_with("~/");
    if (is_surely_a_path) return std::string(key) + ": cannot read \"" + path + "\"";
    return std::string(key) + ": cannot read the file of this name (not shown, as it may be the secret itself; the key "
                              "takes the path of a file that holds it)";
}

}  // namespace callcache
