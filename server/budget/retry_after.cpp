#include "server/budget/retry_after.hpp"

#include "config/ascii.hpp"
#include "server/async/backoff.hpp"

#include <date/date.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr duration longest_guess = 5min;

std::optional<wall_time> read_http_date(std::string_view field)
{
    for (const char* form : {", %d %b %Y %T GMT", ", %d-%b-%y %T GMT", " %b %e %T %Y"})
    {
        std::istringstream in{std::string(field)};
        date::weekday day;  // read alone: a date with another one's day still says until when to wait
        std::chrono::sys_seconds t;
        in >> date::parse("%a", day) >> date::parse(form, t);
        if (in && in.peek() == std::istringstream::traits_type::eof()) return t;
    }
    return std::nullopt;
}

}  // namespace

std::optional<duration> read_retry_after(std::string_view field, wall_time now)
{
    std::uint64_t seconds = 0;
    const char* end = field.data() + field.size();
    auto [parsed, error] = std::from_chars(field.data(), end, seconds);
    if (!field.empty() && parsed == end && error != std::errc::invalid_argument)
    {
        constexpr std::uint64_t most = 365ull * 86400;
        if (error == std::errc::result_out_of_range) seconds = most;
        if (seconds == 0) return std::nullopt;
        return std::chrono::seconds(std::min(seconds, most));
    }
    auto date = read_http_date(field);
    if (!date || *date <= now) return std::nullopt;
    return *date - now;
}

const std::string* longest_retry_after(std::span<const field> fields, wall_time now)
{
    const std::string* found = nullptr;
    duration longest{};
    for (const auto& [name, value] : fields)
    {
        auto asked = equals_lower(name, "retry-after") ? read_retry_after(value, now) : std::nullopt;
        if (!asked || *asked <= longest) continue;
        found = &value;
        longest = *asked;
    }
    return found;
}

duration pause_after_429(const std::string* field, unsigned in_a_row, duration most, wall_time now)
{
    std::optional<duration> asked;
    if (field) asked = read_retry_after(*field, now);
    duration guess = wait_after<duration>(in_a_row + 1, std::chrono::seconds(1), longest_guess);
    return std::min(asked.value_or(guess), most);
}

}  // namespace callcache
