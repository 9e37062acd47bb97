// What a command asks of a running callcache, at its admin address.
#pragma once

#include "server/ask_self.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// The body of a 200; anything else is explained on stderr, as `did_not` ("did not resume"), and nothing is returned.
// Shows the operator's token if there is one.
std::optional<std::string> operate(const settings&, std::string_view method, std::string_view target,
                                   std::string_view did_not, std::string_view body = "");

}  // namespace callcache
