#include "cache/directives.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace callcache
{
namespace
{

constexpr std::int64_t seconds_max = 2147483648;  // RFC 9111, section 1.2.2: larger numbers count as this

// Calls `each(name, value)` for each element of a list `a, b=c, d="e"`; names in lower case, values without quotes.
template<class Each>
void for_each_directive(std::string_view field, std::string_view separators, Each each)
{
    while (!field.empty())
    {
        bool quoted = false;
        std::size_t end = 0;
        for (; end < field.size(); ++end)
        {
            if (quoted && field[end] == '\\')
                ++end;  // the next character is itself (RFC 9110, section 5.6.4)
            else if (field[end] == '"')
                quoted = !quoted;
            else if (!quoted && separators.find(field[end]) != std::string_view::npos)
                break;
        }
        std::string_view element = field.substr(0, std::min(end, field.size()));
        field.remove_prefix(std::min(end + 1, field.size()));
        std::size_t equals = element.find('=');
        const std::string name = lowered(trimmed(element.substr(0, equals)));
        std::string_view value = equals == std::string_view::npos ? "" : trimmed(element.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        each(std::string_view(name), value);
    }
}

// What is not understood undoes nothing.
void set_seconds(std::optional<duration>& to, std::string_view text)
{
    if (auto seconds = read_seconds(text)) to = seconds;
}

}  // namespace

std::optional<duration> read_seconds(std::string_view text)
{
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    std::int64_t n = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc{}) n = seconds_max;
    return std::chrono::seconds(std::min(n, seconds_max));
}

void read_cache_control(directives& d, std::string_view field)
{
    for_each_directive(field, ",", [&](std::string_view name, std::string_view value) {
        if (name == "no-cache")
            d.no_cache = true;
        else if (name == "no-store")
            d.no_store = true;
        else if (name == "only-if-cached")
            d.only_if_cached = true;
        else if (name == "max-age")
            set_seconds(d.max_age, value);
        else if (name == "min-fresh")
            set_seconds(d.min_fresh, value);
        else if (name == "max-stale" && value.empty())
            d.max_stale = duration::max();
        else if (name == "max-stale")
            set_seconds(d.max_stale, value);
    });
}

void read_pragma(directives& d, std::string_view field)
{
    for_each_directive(field, ",", [&](std::string_view name, std::string_view) {
        if (name == "no-cache") d.no_cache = true;
    });
}

void read_prefer(directives& d, std::string_view field)
{
    for_each_directive(field, ",;", [&](std::string_view name, std::string_view value) {
        if (name == "wait" && !d.wait) set_seconds(d.wait, value);
    });
}

void read_priority(directives& d, std::string_view field)
{
    for_each_directive(field, ",", [&](std::string_view name, std::string_view value) {
        value = trimmed(value.substr(0, value.find(';')));  // parameters are ignored (RFC 9218, section 4)
        if (name == "u") d.background = value == "6" || value == "7";
    });
}

}  // namespace callcache
