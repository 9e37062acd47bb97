#include "server/admin/admin_token.hpp"

#include "server/secrets/identity.hpp"

#include <openssl/crypto.h>

namespace callcache
{

std::variant<admin_token, std::string> admin_token::of(std::string_view text)
{
    if (!is_token(text)) return std::string(token_wanted);
    return admin_token(sha256(text));
}

bool admin_token::is_shown_by(std::string_view authorization) const
{
    identity who = identity_of(authorization);
    std::string shown;
    if (who.scheme == "bearer") shown = who.credential;
    if (who.scheme == "basic")
    {
        std::string pair = from_base64(who.credential).value_or("");
        std::size_t colon = pair.find(':');
        if (colon != std::string::npos) shown = pair.substr(colon + 1);
    }
    digest d = sha256(shown);
    return CRYPTO_memcmp(d.data(), digest_.data(), d.size()) == 0;
}

}  // namespace callcache
