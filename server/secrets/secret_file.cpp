#include "server/secrets/secret_file.hpp"

#include "config/ascii.hpp"
#include "server/secrets/whole_file.hpp"

#include <algorithm>

namespace callcache
{

std::variant<std::string, secret_unreadable> read_secret(std::string_view key, const std::string& file)
{
    auto refuse = [&](const std::string& what) { return secret_unreadable{std::string(key) + ": " + what}; };
    auto text = read_whole_file(file);
    if (!text) return secret_unreadable{cannot_read(key, file)};
    if (is_utf16(*text)) return refuse("\"" + file + "\" is UTF-16; save it as UTF-8");
    constexpr std::string_view blanks = " \t\r\n";
    std::string_view s = without_mark(*text);
    s.remove_prefix(std::min(s.find_first_not_of(blanks), s.size()));
    s = s.substr(0, s.find_last_not_of(blanks) + 1);
    if (s.empty()) return refuse("\"" + file + "\" is empty");
    for (unsigned char c : s)
        if (c < ' ' || c == 127) return refuse("\"" + file + "\" holds more than one line");
    return std::string(s);
}

}  // namespace callcache
