// What a command says when its question to a running callcache was not answered as it must be. Pure.
#pragma once

#include "config/address.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// Where a callcache answers.
struct own_address
{
    host_port at;
    bool tls = false;
};

// What ask_self() brought.
struct own_answer_read
{
    int status = 0;  // 0: no answer
    std::string body;
    std::string trouble;      // why there is none
    bool is_reached = false;  // something accepted the connection
};

// The text of an error of callcache's own, {"errors": ["callcache: …"]}; nullopt if `body` is something else.
std::optional<std::string> own_error(std::string_view body);

// The operator's line: nothing answers there, something else does, or callcache refused, which `did_not` ("did not
// resume") begins. `flag`: the one that names another address ("--admin").
std::string answer_trouble(const own_address& asked, const own_answer_read&, std::string_view did_not,
                           std::string_view flag = "--admin");

}  // namespace callcache
