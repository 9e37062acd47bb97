// A short question to a running callcache, from one of its own commands.
#pragma once

#include "config/settings.hpp"
#include "server/commands/answer_trouble.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace callcache
{

// Where the callcache of a configuration answers.
own_address tools_address(const settings&);
own_address admin_address(const settings&);  // REQUIRES: server.admin is not off

// Where to connect to what listens at an address that was configured: one that means "all" is reached through loopback.
host_port within_reach(host_port at);

// Blocks, at most about `patience` for each address of the host. The address as it was configured. `token`: the
// operator's, or empty; for the admin address alone, which is plain, as nobody's certificate is verified.
own_answer_read ask_self(const own_address&, std::string_view method, std::string_view target,
                         std::chrono::milliseconds patience, std::string_view token = "", std::string_view body = "");

}  // namespace callcache
