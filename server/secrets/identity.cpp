#include "server/secrets/identity.hpp"

#include "config/ascii.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace callcache
{

std::string base64(std::string_view text)
{
    std::string out(4 * ((text.size() + 2) / 3), '\0');
    // EVP_EncodeBlock adds a NUL, for which std::string has room behind its end.
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    int(text.size()));
    return out;
}

std::optional<std::string> from_base64(std::string_view text)
{
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(text.data()), int(text.size()));
    if (size != int(out.size())) return std::nullopt;
    // EVP_DecodeBlock takes the padding for zero bytes.
    for (std::size_t end = text.size(); end > 0 && text[end - 1] == '=' && end + 2 > text.size(); --end) out.pop_back();
    return out;
}

bool is_token(std::string_view text)
{
    return text.size() >= token_characters_min &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

namespace
{

std::string access_key_of(const std::string& credential)
{
    auto text = from_base64(credential);
    if (!text || base64(*text) != credential) return "";
    std::size_t colon = text->find(':');
    return colon == std::string::npos ? "" : text->substr(0, colon);
}

// Every scheme that is registered is made of these. Anything else is taken for no scheme, which is always safe.
bool is_scheme(std::string_view text)
{
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

}  // namespace

identity identity_of(std::string_view authorization)
{
    std::size_t space = authorization.find(' ');
    bool has_scheme = space != std::string_view::npos && is_scheme(authorization.substr(0, space));
    if (!has_scheme) return {{}, std::string(authorization), {}};
    std::string_view credential = authorization.substr(space);
    credential.remove_prefix(std::min(credential.find_first_not_of(' '), credential.size()));
    identity who{lowered(authorization.substr(0, space)), std::string(credential), {}};
    if (who.scheme == "basic") who.access_key = access_key_of(who.credential);
    return who;
}

}  // namespace callcache
