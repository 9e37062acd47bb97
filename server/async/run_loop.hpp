// Runs an event loop to its end, whatever its handlers throw.
#pragma once

#include "server/async/net.hpp"

#include <functional>
#include <string_view>

namespace callcache
{

// On the calling thread, until the loop is stopped or has no work. An exception ends the handler that threw it and
// nothing else: no mistake of ours may end the process. `say` hears of it, on this thread.
void run_loop(asio::io_context&, const std::function<void(std::string_view mistake)>& say);

}  // namespace callcache
