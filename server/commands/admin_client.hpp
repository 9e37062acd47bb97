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

// Says on stderr why a command did not do what it was asked for. Its exit code.
int refuse(const std::string& why);

struct admin_question
{
    std::string_view method;
    std::string target;
    std::string_view did_not;   // "did not resume", for an error's line
    const char* answered_with;  // a member of callcache's answer: another server's 200 has none
    std::string body = {};
};

// The body of a 200 of callcache's; anything else is explained on stderr, and nothing is returned. Shows the operator's
// token if there is one.
std::optional<std::string> operate(const settings&, const admin_question&);

}  // namespace callcache
