#include "server/budget/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iomanip>
#include <locale>
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
    for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"})
    {
        // get_time() takes the end of the text for the end of the form.
        if (std::string_view(form).ends_with("GMT") && !field.ends_with("GMT")) continue;
        std::istringstream in{std::string(field)};
        in.imbue(std::locale::classic());
        std::tm t{};
        in >> std::get_time(&t, form);
        if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) continue;
        std::chrono::year_month_day date{std::chrono::year(t.tm_year + 1900),
                                         std::chrono::month(unsigned(t.tm_mon + 1)),
                                         std::chrono::day(unsigned(t.tm_mday))};
        if (!date.ok()) return std::nullopt;
        return std::chrono::sys_days(date) + std::chrono::hours(t.tm_hour) + std::chrono::minutes(t.tm_min) +
               std::chrono::seconds(t.tm_sec);
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

duration pause_after_429(const std::string* field, unsigned in_a_row, duration most, wall_time now)
{
    std::optional<duration> asked;
    if (field) asked = read_retry_after(*field, now);
    duration guess = std::min<duration>(longest_guess, std::chrono::seconds(1ll << std::min(in_a_row, 20u)));
    return std::min(asked.value_or(guess), most);
}

}  // namespace callcache
