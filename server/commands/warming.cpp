#include "server/commands/warming.hpp"

#include "cache/call_answer.hpp"
#include "cache/digest.hpp"
#include "cache/rfc3339.hpp"
#include "config/ascii.hpp"
#include "server/budget/retry_after.hpp"
#include "server/text/escape.hpp"
#include "server/text/json_text.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace callcache
{
namespace
{

using what = warm_step::what;
using std::chrono::seconds;
using days = std::chrono::days;

constexpr std::uint64_t pages_aimed_at = 20;  // of a part
constexpr days part_max{32};
constexpr unsigned failures_max = 10;  // some three minutes, as long as a restart may take
constexpr seconds wait_max_after_failure{30};
constexpr duration pause_max = std::chrono::hours(24);
constexpr unsigned expiries_max = 3;

bool is_unreserved(char c)
{
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// As a query's value (RFC 3986, section 2.1).
std::string percent_encoded(std::string_view text)
{
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned char c : text)
        if (is_unreserved(char(c)))
            out += char(c);
        else
            out.append({'%', digits[c >> 4], digits[c & 15]});
    return out;
}

// Whether it went to the vendor, and cost an API call.
bool is_of_vendor(const upstream_answer& a)
{
    const std::string* status = a.find("cache-status");
    return status && status->find("fwd-status=") != std::string::npos;
}

// What an answer in the vendor's error shape says; callcache's own have it too.
std::string words_of(const upstream_answer& a)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(a.body.data(), a.body.size());
    if (d.HasParseError() || !d.IsObject()) return "";
    auto errors = d.FindMember("errors");
    if (errors == d.MemberEnd() || !errors->value.IsArray() || errors->value.Empty()) return "";
    const auto& first = errors->value[0];
    return first.IsString() ? harmless({first.GetString(), first.GetStringLength()}) : "";
}

std::string said(const upstream_answer& a)
{
    std::string words = words_of(a), status = std::to_string(a.status);
    return words.empty() ? "status " + status : words + " (" + status + ")";
}

days length_of(const warm_state& s)
{
    return std::max(days(1), std::chrono::ceil<days>(s.part_to - s.part_from));
}

std::uint64_t number(const rapidjson::Document& d, const char* name)
{
    auto m = d.FindMember(name);
    return m != d.MemberEnd() && m->value.IsUint64() ? m->value.GetUint64() : 0;
}

std::string text(const rapidjson::Document& d, const char* name)
{
    auto m = d.FindMember(name);
    if (m == d.MemberEnd() || !m->value.IsString()) return "";
    return {m->value.GetString(), m->value.GetStringLength()};
}

}  // namespace

std::optional<wall_time> parse_warm_date(std::string_view text)
{
    if (auto t = parse_rfc3339(text)) return t;
    if (text.size() != std::string_view("2026-10-01").size()) return std::nullopt;
    return parse_rfc3339(std::string(text) + "T00:00:00Z");
}

warm_state warm_beginning(wall_time from, wall_time to, std::string workspace, std::string whose)
{
    warm_state s;
    s.whose = std::move(whose);
    s.workspace = std::move(workspace);
    s.from = s.part_from = std::chrono::floor<seconds>(from);
    s.to = std::chrono::ceil<seconds>(to);
    s.part_to = std::min<wall_time>(s.to, s.part_from + days(1));
    return s;
}

std::string text_of(const warm_state& s)
{
    return json_line([&](json_text& json) {
        json("whose", s.whose);
        json("workspace", s.workspace);
        json("from", format_rfc3339(s.from));
        json("to", format_rfc3339(s.to));
        json("part_from", format_rfc3339(s.part_from));
        json("part_to", format_rfc3339(s.part_to));
        json("cursor", s.cursor);
        json("part_pages", s.part_pages);
        json("part_calls", s.part_calls);
        json("part_total", s.part_total);
        json("calls", s.calls);
        json("api_calls", s.api_calls);
    });
}

std::optional<warm_state> read_warm_state(std::string_view json)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (d.HasParseError() || !d.IsObject()) return std::nullopt;
    warm_state s;
    for (auto [name, into] : {std::pair{"from", &s.from}, std::pair{"to", &s.to}, std::pair{"part_from", &s.part_from},
                              std::pair{"part_to", &s.part_to}})
    {
        auto time = parse_rfc3339(text(d, name));
        if (!time) return std::nullopt;
        *into = *time;
    }
    if (s.from > s.part_from || s.part_from >= s.part_to || s.part_to > s.to) return std::nullopt;
    s.whose = text(d, "whose");
    s.workspace = text(d, "workspace");
    s.cursor = text(d, "cursor");
    s.part_pages = number(d, "part_pages");
    s.part_calls = number(d, "part_calls");
    s.part_total = number(d, "part_total");
    s.calls = number(d, "calls");
    s.api_calls = number(d, "api_calls");
    return s;
}

double share_done(const warm_state& s)
{
    double part = s.part_total == 0 ? 0 : std::min(1.0, double(s.part_calls) / double(s.part_total));
    auto done = double((s.part_from - s.from).count()) + part * double((s.part_to - s.part_from).count());
    return done / double((s.to - s.from).count());
}

std::string warming::target() const
{
    std::string text = "/@warm/v2/calls?fromDateTime=" + percent_encoded(format_rfc3339(state_.part_from)) +
                       "&toDateTime=" + percent_encoded(format_rfc3339(state_.part_to));
    if (!state_.workspace.empty()) text += "&workspaceId=" + percent_encoded(state_.workspace);
    if (!state_.cursor.empty()) text += "&cursor=" + percent_encoded(state_.cursor);
    return text;
}

warm_step warming::take(const upstream_result& result, wall_time now)
{
    if (auto* f = std::get_if<upstream_failure>(&result)) return failed(f->text, nullptr, now);
    const auto& a = std::get<upstream_answer>(result);
    if (is_of_vendor(a)) ++state_.api_calls;
    if (a.status == 429) return refused_for_now(a, now);
    if (a.status >= 500) return failed(said(a), a.find("retry-after"), now);
    if (a.status == 200) return take_page(a);
    failures_ = refusals_ = 0;
    bool of_vendor = is_of_vendor(a);
    if ((a.status == 400 || a.status == 404) && of_vendor && !state_.cursor.empty()) return cursor_expired();
    if (a.status == 404 && of_vendor) return ++state_.part_pages, next_part();  // an empty range
    return {what::stop, {}, said(a)};
}

warm_step warming::take_page(const upstream_answer& a)
{
    auto page = read_bulk_answer(a.body, bulk_kind::list);
    if (!page) return failed("what came is not a page of calls", nullptr, wall_time{});
    failures_ = refusals_ = 0;
    std::string ids;
    for (const call_answer& call : page->calls) ids += call.id + ' ';
    if (!ids.empty() && !pages_.insert(hex(sha256(ids), 16)).second)
        return {what::stop,
                {},
                "Gong's list goes round: a page of the days from " + format_rfc3339(state_.part_from) + " to " +
                    format_rfc3339(state_.part_to) + " came twice"};
    state_.calls += page->calls.size();
    state_.part_calls += page->calls.size();
    state_.part_pages += 1;
    state_.part_total = page->total;
    state_.cursor = page->calls.empty() ? "" : std::move(page->cursor);
    return state_.cursor.empty() ? next_part() : warm_step{what::page, {}, ""};
}

warm_step warming::refused_for_now(const upstream_answer& a, wall_time now)
{
    failures_ = 0;
    // Of callcache's own: what is left of the day is not for background work, or not for this tool.
    const std::string* limit = a.find("ratelimit");
    if (!is_of_vendor(a) && limit && limit->starts_with("\"day\"")) return {what::stop, {}, said(a)};
    duration pause = pause_after_429(a.find("retry-after"), refusals_++, pause_max, now);
    return {what::again, seconds(seconds_up(pause)), said(a)};
}

warm_step warming::failed(std::string why, const std::string* retry_after, wall_time now)
{
    if (++failures_ > failures_max) return {what::stop, {}, std::move(why)};
    auto wait = std::min(wait_max_after_failure, seconds(1 << (failures_ - 1)));
    if (auto asked = retry_after ? read_retry_after(*retry_after, now) : std::nullopt)
        wait = seconds(seconds_up(std::min(*asked, pause_max)));
    return {what::again, wait, std::move(why)};
}

warm_step warming::cursor_expired()
{
    if (++expiries_ > expiries_max)
        return {what::stop,
                {},
                "Gong's cursor expires again and again, before the days from " + format_rfc3339(state_.part_from) +
                    " to " + format_rfc3339(state_.part_to) + " are read"};
    state_.part_to = std::min<wall_time>(state_.part_to, state_.part_from + std::max(days(1), length_of(state_) / 2));
    pages_.clear();
    state_.calls -= std::min(state_.calls, state_.part_calls);
    state_.part_calls = state_.part_pages = state_.part_total = 0;
    state_.cursor.clear();
    return {what::page, {}, ""};
}

warm_step warming::next_part()
{
    // At most twice as long: after days without calls come others.
    auto fitting = length_of(state_) * int(pages_aimed_at) / int(std::clamp<std::uint64_t>(state_.part_pages, 1, 1000));
    days length = std::clamp(fitting, days(1), std::min(2 * length_of(state_), part_max));
    state_.part_from = state_.part_to;
    if (state_.part_from >= state_.to) return {what::done, {}, ""};
    state_.part_to = std::min<wall_time>(state_.to, state_.part_from + length);
    state_.part_calls = state_.part_pages = state_.part_total = 0;
    state_.cursor.clear();
    expiries_ = 0;
    pages_.clear();
    return {what::page, {}, ""};
}

}  // namespace callcache
