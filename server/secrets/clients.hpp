// The tools that may use callcache's own credential (`inject`), each by a token of its own.
#pragma once

#include "cache/digest.hpp"
#include "server/secrets/replaceable.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace callcache
{

// Immutable. The tokens themselves are not kept.
class client_list
{
public:
    // Of JSON: {"etl": "a token of at least 16 characters", "agent": "…"}; comments are allowed. Or the operator's line
    // that says what is wrong, without any token.
    static std::variant<client_list, std::string> read(std::string_view json);

    // The name of the client whose token an Authorization field shows: as Bearer, or as Basic with the name as access
    // key and the token as secret, so that a tool made for the vendor needs no change. Null if it shows none. Takes as
    // long for every wrong token.
    const std::string* find(std::string_view authorization) const;

    std::size_t size() const { return clients_.size(); }

private:
    struct client
    {
        std::string name;
        digest bearer, basic;  // of the whole field's value
    };
    std::vector<client> clients_;
};

using client_holder = replaceable<client_list>;

}  // namespace callcache
