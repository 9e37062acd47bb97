// The built programs, run as a user runs them.
#pragma once

#include "tests/support/child.hpp"

#include "tests/sim/vendor.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace callcache::test
{

inline const std::string callcache_program = CALLCACHE_PROGRAM;

// A simulated vendor on a thread of its own, by the machine's clock.
class vendor_thread
{
public:
    explicit vendor_thread(sim::vendor_options);
    ~vendor_thread();

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::size_t requests();
    const sim::call_world& world() const { return vendor_->world(); }

private:
    asio::io_context loop_{1};
    std::unique_ptr<clock_source> clock_;
    std::unique_ptr<sim::vendor> vendor_;
    std::uint16_t port_;
    std::thread thread_;
};

// `callcache serve` on ports that the system chooses.
struct serving
{
    serving(const std::string& url, const std::string& database, const std::vector<std::string>& further = {},
            const child::wishes& = {});

    child process;
    std::uint16_t port = 0, admin_port = 0;
};

// A blocking connection to loopback.
class plain_client
{
public:
    explicit plain_client(std::uint16_t port);
    ~plain_client();

    // One request with Content-Length in the answer; status 0 if the connection ended.
    struct answer
    {
        unsigned status = 0;
        std::string head, body;
    };
    answer get(const std::string& target, const std::string& authorization, const std::string& further = "");

private:
    int socket_;
    std::string in_;
};

} // namespace callcache::test
