#include "server/secrets/secret_file.hpp"

#include "server/secrets/whole_file.hpp"

namespace callcache
{
namespace
{

// What is not may be the secret itself, which somebody has put where its file should be named.
bool is_surely_a_path(const std::string& text)
{
    constexpr std::size_t secret_characters_min = 16;
    return text.size() < secret_characters_min || text.starts_with('/') || text.starts_with("./") ||
           text.starts_with("../") || text.starts_with("~/");
}

}  // namespace

std::variant<std::string, secret_unreadable> read_secret(std::string_view key, const std::string& file)
{
    auto refuse = [&](const std::string& what) { return secret_unreadable{std::string(key) + ": " + what}; };
    auto text = read_whole_file(file);
    if (!text && !is_surely_a_path(file))
        return refuse("cannot read the file of this name (not shown, as it may be the secret itself; the key takes the "
                      "path of a file that holds it)");
    if (!text) return refuse("cannot read \"" + file + "\"");
    std::string s = std::move(*text);
    while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == ' ')) s.pop_back();
    if (s.empty()) return refuse("\"" + file + "\" is empty");
    for (unsigned char c : s)
        if (c < ' ' || c == 127) return refuse("\"" + file + "\" holds more than one line");
    return s;
}

}  // namespace callcache
