#include "server/secrets/secret_file.hpp"

#include "server/secrets/whole_file.hpp"

namespace callcache
{

std::variant<std::string, secret_unreadable> read_secret(std::string_view key, const std::string& file)
{
    auto refuse = [&](const std::string& what) { return secret_unreadable{std::string(key) + ": " + what}; };
    auto text = read_whole_file(file);
    if (!text) return secret_unreadable{cannot_read(key, file)};
    std::string s = std::move(*text);
    while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == ' ')) s.pop_back();
    if (s.empty()) return refuse("\"" + file + "\" is empty");
    for (unsigned char c : s)
        if (c < ' ' || c == 127) return refuse("\"" + file + "\" holds more than one line");
    return s;
}

}  // namespace callcache
