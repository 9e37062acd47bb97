#include "server/credential.hpp"

#include "server/whole_file.hpp"

#include <cstdio>
#include <utility>

namespace callcache
{
namespace
{

struct unreadable
{
    std::string text;
};

// What is not may be the secret itself, which somebody has put where its file should be named.
bool is_surely_a_path(const std::string& text)
{
    constexpr std::size_t secret_characters_min = 16;
    return text.size() < secret_characters_min || text.starts_with('/') || text.starts_with("./") ||
           text.starts_with("../") || text.starts_with("~/");
}

// A secret from its file, or the value itself. White space at the end, as an editor leaves it, does not belong to it.
std::string secret(std::string_view key, const std::string& file, const std::string& value)
{
    if (file.empty()) return value;
    auto text = read_whole_file(file);
    if (!text && !is_surely_a_path(file))
        throw unreadable{std::string(key) + "_file: cannot read the file of this name (not shown, as it may be the " +
                         "secret itself; the key takes the path of a file that holds it)"};
    if (!text) throw unreadable{std::string(key) + "_file: cannot read \"" + file + "\""};
    std::string s = std::move(*text);
    while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == ' ')) s.pop_back();
    if (s.empty()) throw unreadable{std::string(key) + "_file: \"" + file + "\" is empty"};
    for (unsigned char c : s)
        if (c < ' ' || c == 127)
            throw unreadable{std::string(key) + "_file: \"" + file + "\" holds more than one line"};
    return s;
}

}  // namespace

std::variant<injected_credential, std::string> read_injected(const credentials_settings& s)
{
    try
    {
        if (!s.bearer_token_file.empty() || !s.bearer_token.empty())
        {
            std::string token = secret("credentials.bearer_token", s.bearer_token_file, s.bearer_token);
            return injected_credential{"Bearer " + token, {"inject-bearer", token, {}}};
        }
        std::string key = secret("credentials.access_key", s.access_key_file, s.access_key);
        std::string password = secret("credentials.access_key_secret", s.access_key_secret_file, s.access_key_secret);
        return injected_credential{"Basic " + base64(key + ":" + password), {"inject-basic", key, key}};
    }
    catch (const unreadable& u)
    {
        return u.text;
    }
}

void credential_holder::replace(injected_credential c)
{
    auto next = std::make_shared<const injected_credential>(std::move(c));
    std::lock_guard lock(mutex_);
    current_ = std::move(next);
}

std::shared_ptr<const injected_credential> credential_holder::current() const
{
    std::lock_guard lock(mutex_);
    return current_;
}

}  // namespace callcache
