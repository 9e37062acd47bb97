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

// Blocks, at most about `patience` for each address of the host. `at` as it was configured: an address that means "all"
// is reached through loopback. `token`: the operator's, or empty.
own_answer_read ask_self(host_port at, std::string_view method, std::string_view target,
                         std::chrono::milliseconds patience, std::string_view token = "");

}  // namespace callcache
