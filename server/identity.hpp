// Who a credential is, for its partition and for the list of clients.
#pragma once

#include <string>
#include <string_view>

namespace callcache
{

struct identity
{
    std::string scheme;  // in lower case
    std::string credential;
};

// Of an Authorization field's value (RFC 9110, section 11.4).
identity identity_of(std::string_view authorization);

// Of text that may hold anything.
std::string base64(std::string_view text);

}  // namespace callcache
