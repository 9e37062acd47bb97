// A client without a loop, for tests of the running program.
#pragma once

#include "tests/support/loopback_socket.hpp"

#include <cstdint>
#include <memory>
#include <string>

struct ssl_st;

namespace callcache::test
{

// A blocking connection to loopback: plain, or with TLS, which believes any certificate.
class plain_client
{
public:
    explicit plain_client(std::uint16_t port, bool tls = false);

    // An answer that takes longer than that counts as none. Otherwise it is waited for without an end.
    void give_up_after(int seconds) { socket_.give_up_after(seconds); }

    // One request with Content-Length in the answer; status 0 if the connection ended.
    struct answer
    {
        unsigned status = 0;
        std::string head, body;
    };
    answer get(const std::string& target, const std::string& authorization, const std::string& further = "");
    answer post(const std::string& target, const std::string& authorization, const std::string& body);

private:
    answer ask(const std::string& text);
    bool send(const std::string& text);
    long receive(char* room, std::size_t size);

    loopback_socket socket_;
    std::shared_ptr<ssl_st> tls_;
    std::string in_;
};

}  // namespace callcache::test
