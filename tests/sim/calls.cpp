#include "tests/sim/calls.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace sim
{
namespace
{

constexpr std::uint64_t first_id = 7'000'000'000'000'000'000;
constexpr std::uint64_t step = 1'000'003;
constexpr std::uint64_t long_every = 50;

constexpr std::string_view example =
    R"({"id":"7782342274025937895","url":"https://app.gong.io/call?id=7782342274025937895","title":"Example call",)"
    R"("scheduled":"2018-02-17T10:30:00Z","started":"2018-02-17T10:30:00Z","duration":460,)"
    R"("primaryUserId":"234599484848423","direction":null,"system":"Outreach","scope":"Internal","media":"Video",)"
    R"("language":"eng","workspaceId":"623457276584334","sdrDisposition":"Got the gatekeeper",)"
    R"("clientUniqueId":"7JEHFRGXDDZFEW2FC4U","customData":"Conference Call","purpose":"Demo Call",)"
    R"("meetingUrl":"https://zoom.us/j/123","isPrivate":false,"calendarEventId":"abcde@google.com"})";

constexpr std::array<std::string_view, 6> titles{R"(Weekly sync)",
                                                 R"(Gespräch über Verlängerung — Müller & Söhne)",
                                                 R"(価格の打ち合わせ)",
                                                 R"(Discovery \"Acme\")",
                                                 R"(Appel de découverte n° 2 🎉)",
                                                 R"(Renewal \u2013 Q4)"};

std::string time_text(wall_time t, std::uint64_t number)
{
    // Offsets differ, and some times have fractions of a second.
    int offset = number % 3 == 0 ? 0 : number % 3 == 1 ? -5 : 2;
    auto local = t + std::chrono::hours(offset);
    auto day = std::chrono::floor<std::chrono::days>(local);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(local - day));
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d%s%s", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                  int(time.seconds().count()), number % 4 == 0 ? ".250" : "",
                  offset == 0  ? "Z"
                  : offset < 0 ? "-05:00"
                               : "+02:00");
    return text;
}

}  // namespace

void call_catalogue::fill_month(wall_time first_day)
{
    std::chrono::year_month_day first(std::chrono::floor<std::chrono::days>(first_day));
    std::chrono::sys_days next((first.year() / first.month() + std::chrono::months(1)) / 1);
    interval = std::max(std::chrono::seconds(1), std::chrono::floor<std::chrono::seconds>(next - first_day) /
                                                     std::int64_t(std::max<std::uint64_t>(1, count)));
    newest = first_day + interval * std::int64_t(count - 1);
}

std::string call_catalogue::id(std::uint64_t number) const
{
    std::string text = std::to_string(first_id + number * step);
    return number % long_every == 49 ? "1" + text : text;
}

std::optional<std::uint64_t> call_catalogue::number(std::string_view text) const
{
    bool is_long = text.size() == 20 && text.front() == '1';
    std::string_view digits = is_long ? text.substr(1) : text;
    std::uint64_t n = 0;
    auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (digits.size() != 19 || parsed.ptr != digits.data() + digits.size() || n < first_id) return std::nullopt;
    n -= first_id;
    if (n % step != 0 || n / step >= count || (n / step % long_every == 49) != is_long) return std::nullopt;
    return n / step;
}

std::optional<std::string> call_catalogue::call(std::string_view id, unsigned revision) const
{
    if (id == example_id) return std::string(example);
    auto n = number(id);
    if (!n || !is_found(*n)) return std::nullopt;
    std::string text = "{\"id\":\"" + std::string(id) + "\",\"url\":\"https://app.gong.io/call?id=" + std::string(id) +
                       "\",\"title\":\"" + std::string(titles[*n % titles.size()]);
    if (revision > 0) text += ", edited " + std::to_string(revision);
    text += "\",\"scheduled\":" + (*n % 5 == 0 ? "null" : "\"" + time_text(started(*n), *n) + "\"");
    text += ",\"started\":\"" + time_text(started(*n), *n) + "\",\"duration\":" + std::to_string(60 + *n % 5400);
    text += ",\"primaryUserId\":\"" + std::to_string(234599484848423 + *n % 40) + "\"";
    text += ",\"direction\":\"" + std::string(*n % 2 ? "Inbound" : "Conference") + "\",\"system\":\"Zoom\"";
    text +=
        ",\"scope\":\"" + std::string(*n % 7 ? "External" : "Internal") + "\",\"media\":\"Video\",\"language\":\"eng\"";
    text += ",\"workspaceId\":\"623457276584334\",\"sdrDisposition\":null,\"clientUniqueId\":null,\"customData\":null";
    text += ",\"purpose\":null,\"meetingUrl\":\"https://zoom.us/j/" + std::to_string(90000000 + *n) + "\"";
    text += ",\"isPrivate\":" + std::string(is_private(*n) ? "true" : "false");
    text += ",\"calendarEventId\":" + (*n % 6 == 0 ? "null" : "\"event" + std::to_string(*n) + "@google.com\"") + "}";
    return text;
}

}  // namespace sim
