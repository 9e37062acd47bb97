#include "server/identity.hpp"

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

namespace
{

std::string access_key_of(const std::string& credential)
{
    std::string text(credential.size(), '\0');
    int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                               reinterpret_cast<const unsigned char*>(credential.data()), int(credential.size()));
    if (size < 0) return "";
    std::size_t colon = text.find(':');
    if (colon == std::string::npos) return "";
    // The padding is decoded too.
    std::size_t padding = credential.ends_with("==") ? 2 : credential.ends_with("=") ? 1 : 0;
    text.resize(std::size_t(size) - padding);
    return base64(text) == credential ? text.substr(0, colon) : "";
}

}  // namespace

identity identity_of(std::string_view authorization)
{
    std::size_t space = std::min(authorization.find(' '), authorization.size());
    identity who{std::string(authorization.substr(0, space)), std::string(authorization.substr(space)), {}};
    for (char& c : who.scheme) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    who.credential.erase(0, std::min(who.credential.find_first_not_of(' '), who.credential.size()));
    if (who.scheme == "basic") who.access_key = access_key_of(who.credential);
    return who;
}

}  // namespace callcache
