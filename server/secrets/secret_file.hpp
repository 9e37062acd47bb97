// Secrets that a `*_file` key names.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace callcache
{

// The operator's line. It never shows the secret, nor what may be one that stands where its file should be named.
struct secret_unreadable
{
    std::string text;
};

// The one line in the file that `key` ("server.admin_token_file") names. Blanks and line ends around it, and a byte
// order mark, as an editor leaves them, do not belong to it.
std::variant<std::string, secret_unreadable> read_secret(std::string_view key, const std::string& file);

}  // namespace callcache
