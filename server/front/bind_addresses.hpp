// Sockets on the addresses that an operator has configured.
#pragma once

#include "server/async/net.hpp"

#include <string>
#include <variant>
#include <vector>

namespace callcache
{

// Bound, and not listening yet, to all of `addresses` ("host:port"); or the operator's line that says why that cannot
// be. `localhost` means both loopback addresses, of which one is enough. Waits for the name service.
using bound_sockets = std::vector<asio::basic_socket_acceptor<tcp, executor>>;
std::variant<bound_sockets, std::string> bind_addresses(const std::vector<std::string>& addresses, executor);

// The line for one that another program listens on.
std::string port_is_taken(const tcp::endpoint&);

}  // namespace callcache
