#pragma once

#include "tests/support/loopback_socket.hpp"

#include <cstdint>
#include <string>

namespace callcache::test
{

// A blocking connection to loopback.
class plain_client
{
public:
    explicit plain_client(std::uint16_t port);

    // One request with Content-Length in the answer; status 0 if the connection ended.
    struct answer
    {
        unsigned status = 0;
        std::string head, body;
    };
    answer get(const std::string& target, const std::string& authorization, const std::string& further = "");

private:
    loopback_socket socket_;
    std::string in_;
};

}  // namespace callcache::test
