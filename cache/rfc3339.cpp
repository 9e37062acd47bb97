#include "cache/rfc3339.hpp"

#include <date/date.h>

#include <algorithm>

namespace callcache
{
namespace
{

// True if each character is of its place's kind: 0 is a digit, T stands before the time, + is a sign, others are
// themselves.
bool has_shape(std::string_view text, std::string_view shape)
{
    auto is_of = [](char c, char kind) {
        if (kind == '0') return c >= '0' && c <= '9';
        return c == kind || (kind == 'T' && (c == 't' || c == ' ')) || (kind == '+' && c == '-');
    };
    return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), is_of);
}

// REQUIRES: `digits` are digits, at most nine.
int number(std::string_view digits)
{
    int n = 0;
    for (char c : digits) n = n * 10 + (c - '0');
    return n;
}

}  // namespace

std::optional<wall_time> parse_rfc3339(std::string_view text)
{
    using namespace std::chrono;
    constexpr std::string_view shape = "0000-00-00T00:00:00";
    if (!has_shape(text.substr(0, shape.size()), shape)) return std::nullopt;
    auto part = [text](std::size_t at) { return number(text.substr(at, 2)); };
    year_month_day date{year(number(text.substr(0, 4))), month(unsigned(part(5))), day(unsigned(part(8)))};
    int h = part(11), mi = part(14), s = part(17);
    if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;  // 60: a leap second
    text.remove_prefix(shape.size());

    duration fraction{0};
    if (text.starts_with('.'))
    {
        std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
        if (end == 1) return std::nullopt;
        std::string micros(text.substr(1, std::min<std::size_t>(end - 1, 6)));
        micros.resize(6, '0');
        fraction = duration(number(micros));
        text.remove_prefix(end);
    }

    minutes offset{0};
    if (text != "Z" && text != "z")
    {
        if (!has_shape(text, "+00:00") && !has_shape(text, "+0000")) return std::nullopt;
        int oh = number(text.substr(1, 2)), om = number(text.substr(text.size() - 2));
        if (oh > 23 || om > 59) return std::nullopt;
        offset = (hours(oh) + minutes(om)) * (text.front() == '-' ? -1 : 1);
    }
    return wall_time(sys_days(date) + hours(h) + minutes(mi) + seconds(s) + fraction - offset);
}

std::string format_rfc3339(wall_time t)
{
    return date::format("%FT%TZ", std::chrono::floor<std::chrono::seconds>(t));
}

}  // namespace callcache
