// No mistake of ours may end the process: what throws ends by itself, and it is said.
#pragma once

#include <exception>
#include <string_view>

namespace callcache
{

// Calls `work`. False if it threw; then `say` has heard what, as far as it could be said. Any thread.
template<class Work, class Say>
bool survives(const Work& work, const Say& say) noexcept
{
    try
    {
        work();
        return true;
    }
    catch (const std::exception& mistake)
    {
        try
        {
            say(std::string_view(mistake.what()));
        }
        catch (...)
        {
            // There is no room even for that; the next mistake may have it.
        }
        return false;
    }
}

}  // namespace callcache
