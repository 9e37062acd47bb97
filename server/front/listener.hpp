// Accepts connections and deals them out to the fronts.
#pragma once

#include "config/address.hpp"
#include "server/front/session.hpp"
#include "server/telemetry/log.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace callcache
{

// How many connections from tools a process with so many descriptors may have. The others are for files, loops,
// listeners, upstream, the operator, and connections that are turned away.
std::size_t connections_for(std::uint64_t descriptors, std::size_t fronts, std::uint64_t upstream_connections);

// The operator's connections have a part of their own, which tools cannot take.
constexpr std::size_t operator_connections_max = 64;

// Where a listener of that address listens: `localhost` is both loopback addresses. Asks the name service for any other
// name, and waits for it; empty if there is no such host.
std::vector<tcp::endpoint> endpoints_of(const host_port&);

// On the first front's loop. What its loop runs holds it.
class listener : public std::enable_shared_from_this<listener>
{
public:
    using opened = std::variant<std::shared_ptr<listener>, std::string>;

    // Listens on all of `addresses` ("host:port"), or says why that cannot be. `localhost` means both loopback
    // addresses, of which one is enough. No SO_REUSEPORT: a second process must not share the port.
    static opened open(const std::vector<std::string>& addresses, std::span<const std::unique_ptr<front>>,
                       session_rules&, log&);

    listener(std::span<const std::unique_ptr<front>>, session_rules&, log&);

    void start();
    void stop();  // on the loop's thread

    // Where it really listens: with the port that the system chose for port 0.
    std::vector<tcp::endpoint> endpoints() const;

private:
    using acceptor = asio::basic_socket_acceptor<tcp, executor>;
    static task<void> accept(std::shared_ptr<listener>, acceptor&);
    void seat(tcp_socket, front&);

    const std::span<const std::unique_ptr<front>> fronts_;
    session_rules& rules_;
    log& out_;
    std::vector<acceptor> acceptors_;
    std::size_t next_front_ = 0;
};

// "127.0.0.1:4664", "[::1]:4664"
std::string to_text(const tcp::endpoint&);

}  // namespace callcache
