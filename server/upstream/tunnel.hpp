// A way to the vendor through the company's proxy (CONNECT, RFC 9110, section 9.3.6).
#pragma once

#include "config/proxy_address.hpp"
#include "server/async/net.hpp"
#include "server/upstream/answer.hpp"

#include <optional>

namespace callcache
{

// Asks the proxy at the other end of the socket for a way to `vendor`, whose name it is that resolves it. Nothing once
// the way is open: what is written to the socket from then on reaches the vendor. Otherwise why there is none; then the
// socket is of no use. Ends by itself only with the socket: the caller closes it when its time is up. No API call is
// spent, and neither the vendor's credential nor the request is shown to the proxy.
task<std::optional<upstream_failure>> open_tunnel(tcp_socket&, const host_port& vendor, const proxy_address&);

}  // namespace callcache
