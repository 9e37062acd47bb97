// Who a credential is, for its partition and for the list of clients.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

struct identity
{
    std::string scheme;  // in lower case; empty if the value has none
    std::string credential;
    std::string access_key;  // empty if it has none
};

// Reads an Authorization field's value (RFC 9110, section 11.4): a scheme, whose case does not count, then spaces, then
// the credential. Any other value is a credential as a whole, case included, as a server may tell two of them apart.
// The access key is the user-id of Basic (RFC 7617), if everybody must read it in the same way: whole base64, and
// nothing else.
identity identity_of(std::string_view authorization);

// Of text that may hold anything; and back (RFC 4648, section 4, with padding), or nothing.
std::string base64(std::string_view text);
std::optional<std::string> from_base64(std::string_view text);

// What callcache takes for a token of its own, a tool's or the operator's, and how it says so.
inline constexpr std::size_t token_characters_min = 16;
inline constexpr std::string_view token_wanted =
    "a token is at least 16 characters, without spaces; `openssl rand -hex 24` makes one";
bool is_token(std::string_view text);

}  // namespace callcache
