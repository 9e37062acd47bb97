#include "server/text/human.hpp"

#include <date/date.h>

#include <cmath>
#include <cstdio>

namespace callcache
{

std::string grouped(std::uint64_t n)
{
    std::string text = std::to_string(n);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::string minute_text(std::chrono::sys_time<std::chrono::minutes> t)
{
    return clock_text(t, t, false);
}

std::string span_text(std::int64_t seconds)
{
    if (seconds < 120) return std::to_string(seconds) + " s";
    std::int64_t minutes = (seconds + 59) / 60;
    if (minutes < 120) return std::to_string(minutes) + " min";
    if (std::int64_t hours = (minutes + 59) / 60; hours >= 72)
        return std::to_string(hours / 24) + " days" + (hours % 24 == 0 ? "" : " " + std::to_string(hours % 24) + " h");
    std::string text = std::to_string(minutes / 60) + " h";
    return minutes % 60 == 0 ? text : text + " " + std::to_string(minutes % 60) + " min";
}

std::string wait_text(double seconds)
{
    if (seconds >= 10) return span_text(std::int64_t(std::ceil(seconds)));
    char shown[16];
    std::snprintf(shown, sizeof shown, seconds < 1 ? "%.0f ms" : "%.1f s", seconds < 1 ? seconds * 1000 : seconds);
    return shown;
}

std::string clock_text(wall_time t, wall_time now, bool with_seconds)
{
    bool is_near = std::chrono::abs(t - now) < std::chrono::hours(24);
    std::string form = std::string(is_near ? "" : "%F ") + (with_seconds ? "%T UTC" : "%R UTC");
    return date::format(form, std::chrono::floor<std::chrono::seconds>(t));
}

}  // namespace callcache
