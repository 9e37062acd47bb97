// The company's proxy on the way to the vendor, as an operator or the environment writes it.
#pragma once

#include "config/address.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace callcache
{

struct proxy_address
{
    host_port at;
    std::string login;  // "user:password" as it was before its percent-encoding; empty: none is needed

    // "http://***@host:port", for people. A user's name may be a token, so it is not shown either.
    std::string text() const;
};

// "[http://][user[:password]@]host:port[/]"; nothing for anything else, such as a proxy that wants TLS itself.
std::optional<proxy_address> parse_proxy(std::string_view url);

// What the environment says about connections to `upstream`: the value of HTTPS_PROXY (or https_proxy), empty if
// NO_PROXY (or no_proxy) excepts it or it is this machine; nothing if there is no such variable, or it is for another
// scheme.
using environment_variables = std::span<const std::pair<std::string, std::string>>;
std::optional<std::string> proxy_of_environment(environment_variables, const origin& upstream);

}  // namespace callcache
