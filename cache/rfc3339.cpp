#include "cache/rfc3339.hpp"

#include <cstdio>

namespace callcache
{
namespace
{

// Takes exactly `digits` digits off the front of `text`; -1 if they are not there.
int take_number(std::string_view& text, std::size_t digits)
{
    if (text.size() < digits) return -1;
    int n = 0;
    for (std::size_t i = 0; i < digits; ++i)
    {
        if (text[i] < '0' || text[i] > '9') return -1;
        n = n * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return n;
}

bool take(std::string_view& text, std::string_view any_of)
{
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<wall_time> parse_rfc3339(std::string_view text)
{
    using namespace std::chrono;
    int y = take_number(text, 4);
    if (y < 0 || !take(text, "-")) return std::nullopt;
    int mo = take_number(text, 2);
    if (mo < 0 || !take(text, "-")) return std::nullopt;
    int d = take_number(text, 2);
    if (d < 0 || !take(text, "Tt ")) return std::nullopt;
    int h = take_number(text, 2);
    if (h < 0 || h > 23 || !take(text, ":")) return std::nullopt;
    int mi = take_number(text, 2);
    if (mi < 0 || mi > 59 || !take(text, ":")) return std::nullopt;
    int s = take_number(text, 2);
    if (s < 0 || s > 60) return std::nullopt;  // 60: a leap second

    duration fraction{0};
    if (take(text, "."))
    {
        int unit = 100'000, digits = 0;
        for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits, unit /= 10)
            fraction += duration((text[0] - '0') * unit);
        if (digits == 0) return std::nullopt;
    }

    minutes offset{0};
    if (!take(text, "Zz"))
    {
        bool east = text.starts_with('+');
        if (!take(text, "+-")) return std::nullopt;
        int oh = take_number(text, 2);
        take(text, ":");
        int om = take_number(text, 2);
        if (oh < 0 || oh > 23 || om < 0 || om > 59) return std::nullopt;
        offset = hours(oh) + minutes(om);
        if (!east) offset = -offset;
    }
    year_month_day date{year(y), month(unsigned(mo)), day(unsigned(d))};
    if (!text.empty() || !date.ok()) return std::nullopt;
    return wall_time(sys_days(date) + hours(h) + minutes(mi) + seconds(s) + fraction - offset);
}

std::string format_rfc3339(wall_time t)
{
    using namespace std::chrono;
    auto day = floor<days>(t);
    year_month_day date(day);
    hh_mm_ss time(floor<seconds>(t - day));
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                  int(time.seconds().count()));
    return text;
}

}  // namespace callcache
