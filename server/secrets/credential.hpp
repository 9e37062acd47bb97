// The credential that goes upstream: the tool's own, or with `inject` the one that callcache holds.
#pragma once

#include "config/settings.hpp"
#include "server/secrets/identity.hpp"
#include "server/secrets/replaceable.hpp"

#include <string>
#include <variant>

namespace callcache
{

struct injected_credential
{
    std::string authorization;  // the field's value
    identity who;               // whose what is kept is: credentials.name, or the access key, or the token's file
};

// Reads the files or the environment's values. An operator's line if that cannot be done.
std::variant<injected_credential, std::string> read_injected(const credentials_settings&);

using credential_holder = replaceable<injected_credential>;

}  // namespace callcache
