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
    std::string access_key;  // empty if it has none
};

// Of an Authorization field's value (RFC 9110, section 11.4). Its access key is the user-id of Basic (RFC 7617), if
// everybody must read it in the same way: whole base64, and nothing else.
identity identity_of(std::string_view authorization);

// Of text that may hold anything.
std::string base64(std::string_view text);

}  // namespace callcache
