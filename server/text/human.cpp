#include "server/text/human.hpp"

#include <cstdio>

namespace callcache
{

std::string grouped(std::uint64_t n)
{
    std::string digits = std::to_string(n), text;
    for (std::size_t i = 0; i < digits.size(); ++i)
    {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
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

std::string clock_text(wall_time t, wall_time now, bool with_seconds)
{
    auto day = std::chrono::floor<std::chrono::days>(t);
    std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(t - day));
    std::chrono::year_month_day date(day);
    char text[64];
    int size = 0;
    if (t - now >= std::chrono::hours(24) || now - t >= std::chrono::hours(24))
        size = std::snprintf(text, sizeof text, "%04d-%02u-%02u ", int(date.year()), unsigned(date.month()),
                             unsigned(date.day()));
    std::snprintf(text + size, sizeof text - std::size_t(size), with_seconds ? "%02d:%02d:%02d UTC" : "%02d:%02d UTC",
                  int(time.hours().count()), int(time.minutes().count()), int(time.seconds().count()));
    return text;
}

}  // namespace callcache
