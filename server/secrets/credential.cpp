#include "server/secrets/credential.hpp"

#include "config/ascii.hpp"
#include "server/secrets/secret_file.hpp"

namespace callcache
{
namespace
{

// A secret from its file, or the value itself.
std::string secret(const std::string& key, const std::string& file, const std::string& value)
{
    if (file.empty()) return std::string(trimmed(value));
    auto read = read_secret(key + "_file", file);
    if (auto* unreadable = std::get_if<secret_unreadable>(&read)) throw *unreadable;
    return std::get<std::string>(std::move(read));
}

// Whose what is kept is. A token changes daily, the file that it is in does not.
identity kept_under(const credentials_settings& s, const std::string& access_key, const std::string& token)
{
    if (!s.name.empty()) return {"inject-name", s.name, access_key};
    if (!access_key.empty()) return {"inject-basic", access_key, access_key};
    if (!s.bearer_token_file.empty()) return {"inject-bearer-file", s.bearer_token_file, {}};
    return {"inject-bearer", token, {}};
}

}  // namespace

std::variant<injected_credential, std::string> read_injected(const credentials_settings& s)
{
    try
    {
        if (!s.bearer_token_file.empty() || !s.bearer_token.empty())
        {
            std::string token = secret("credentials.bearer_token", s.bearer_token_file, s.bearer_token);
            return injected_credential{"Bearer " + token, kept_under(s, {}, token)};
        }
        std::string key = secret("credentials.access_key", s.access_key_file, s.access_key);
        std::string password = secret("credentials.access_key_secret", s.access_key_secret_file, s.access_key_secret);
        return injected_credential{"Basic " + base64(key + ":" + password), kept_under(s, key, {})};
    }
    catch (const secret_unreadable& u)
    {
        return u.text;
    }
}

}  // namespace callcache
