// The token that opens the admin address to its operator where that is reached from beyond loopback.
#pragma once

#include "cache/digest.hpp"
#include "server/secrets/replaceable.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace callcache
{

// Immutable. The token itself is not kept.
class admin_token
{
public:
    // Or the operator's line that says what is wrong with it, without the token.
    static std::variant<admin_token, std::string> of(std::string_view text);

    // True if an Authorization field shows it: as Bearer, or as Basic with the token as password and any name, which is
    // what a browser asks for. Takes as long for every wrong token.
    bool is_shown_by(std::string_view authorization) const;

private:
    explicit admin_token(const digest& d) : digest_(d) {}

    digest digest_;
};

using admin_token_holder = replaceable<admin_token>;

}  // namespace callcache
