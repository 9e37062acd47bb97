// What a command asks of a running callcache, at its admin address.
#pragma once

#include "server/commands/ask_self.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace callcache
{

// Where a running callcache of this configuration answers its operator, and with what it is opened: empty if there is
// no token. Or the operator's line that says why it cannot be asked.
struct admin_door
{
    own_address at;
    std::string token;
};
std::variant<admin_door, std::string> admin_door_of(const settings&);

// The body of a 200; anything else is explained on stderr, as `did_not` ("did not resume"), and nothing is returned.
// Shows the operator's token if there is one.
std::optional<std::string> operate(const settings&, std::string_view method, std::string_view target,
                                   std::string_view did_not, std::string_view body = "");

}  // namespace callcache
