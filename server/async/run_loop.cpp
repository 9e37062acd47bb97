#include "server/async/run_loop.hpp"

#include <exception>

namespace callcache
{
namespace
{

void say_safely(const std::function<void(std::string_view)>& say, std::string_view mistake) noexcept
try
{
    say(mistake);
}
catch (...)
{
    // There is no room even for that; the next one may have it.
}

}  // namespace

void run_loop(asio::io_context& loop, const std::function<void(std::string_view mistake)>& say)
{
    for (;;)
    {
        try
        {
            loop.run();
            return;
        }
        catch (const std::exception& mistake)
        {
            say_safely(say, mistake.what());
        }
    }
}

}  // namespace callcache
