// A short question to a running callcache, from one of its own commands.
#pragma once

#include "config/address.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace callcache
{

struct own_answer_read
{
    int status = 0;  // 0: no answer
    std::string body;
    std::string trouble;  // why there is none
};

// Where to connect to what listens at an address that was configured: one that means "all" is reached through loopback.
host_port within_reach(host_port at);

// Blocks, at most about `patience` for each address of the host. `at` as it was configured.
own_answer_read ask_self(host_port at, std::string_view method, std::string_view target,
                         std::chrono::milliseconds patience);

}  // namespace callcache
