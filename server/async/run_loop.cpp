#include "server/async/run_loop.hpp"

#include "cache/mistakes.hpp"

namespace callcache
{

void run_loop(asio::io_context& loop, const std::function<void(std::string_view mistake)>& say)
{
    auto run = [&] { loop.run(); };
    while (!survives(run, say))
    {}
}

}  // namespace callcache
