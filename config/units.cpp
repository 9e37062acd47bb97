#include "config/units.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace callcache
{
namespace
{

struct unit
{
    std::string_view name;
    std::uint64_t factor;
};

// Largest first, so that formatting finds the shortest text.
constexpr std::array duration_units{unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000},
                                    unit{"ms", 1}};
constexpr std::array size_units{unit{"GiB", 1u << 30}, unit{"MiB", 1u << 20}, unit{"KiB", 1u << 10}, unit{"B", 1}};

template<class Units>
std::optional<std::uint64_t> parse(std::string_view text, const Units& units)
{
    std::uint64_t number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end == text.data()) return std::nullopt;
    std::string_view name(end, text.data() + text.size());
    for (const unit& u : units)
    {
        if (u.name != name) continue;
        if (number > std::uint64_t(std::numeric_limits<std::int64_t>::max()) / u.factor) return std::nullopt;
        return number * u.factor;
    }
    return std::nullopt;
}

template<class Units>
std::string format(std::uint64_t number, const Units& units)
{
    for (const unit& u : units)
        if (number != 0 && number % u.factor == 0) return std::to_string(number / u.factor) + std::string(u.name);
    return "";
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text)
{
    auto found = parse(text, duration_units);
    if (!found) return std::nullopt;
    return std::chrono::milliseconds(*found);
}

std::string format_duration(std::chrono::milliseconds d)
{
    return d.count() == 0 ? "0s" : format(std::uint64_t(d.count()), duration_units);
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    return parse(text, size_units);
}

std::string format_size(std::uint64_t bytes)
{
    return bytes == 0 ? "0B" : format(bytes, size_units);
}

}  // namespace callcache
