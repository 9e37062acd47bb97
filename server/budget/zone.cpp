#include "server/budget/zone.hpp"

#include <date/tz.h>

namespace callcache
{

std::variant<calendar, std::string> calendar_of(const std::string& day)
{
    if (day == "sliding") return calendar();
    try
    {
        const date::time_zone* zone = date::locate_zone(day);
        return calendar([zone](wall_time t) {
            auto today = date::floor<date::days>(zone->to_local(t));
            // Where the clock skips midnight the day begins later; where it comes twice, with the first one.
            auto midnight = [&](date::local_days d) {
                return std::chrono::time_point_cast<duration>(zone->to_sys(d, date::choose::earliest));
            };
            return local_day{midnight(today), midnight(today + date::days(1))};
        });
    }
    catch (const std::exception&)
    {
        return "budget.day: found \"" + day +
               "\", allowed is sliding, or an IANA zone such as America/New_York that this machine knows (package "
               "tzdata)";
    }
}

}  // namespace callcache
