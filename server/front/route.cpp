// The one path that the product exists for is told apart from its literal siblings here: `/v2/calls/extensive`,
// `/v2/calls/transcript` and whatever word the vendor adds next are letters and hyphens, and an id is digits.
//
// What is neither, such as `12ab` or `%31`, would only cost a call of the day to be refused by the vendor; and
// `undefined`, `null`, `none` and `nan` are what a tool with a bug writes where an id should stand.

#include "server/front/route.hpp"

#include "cache/call_id.hpp"
#include "cache/entry.hpp"
#include "config/route_table.hpp"
#include "config/tool_table.hpp"
#include "server/http/head_guard.hpp"

#include <algorithm>
#include <array>

namespace callcache
{
namespace
{

constexpr std::string_view calls = "/v2/calls/";
constexpr std::size_t kept_target_max = 2048;  // a longer one passes through

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// find_first_of() looks for each character by a call of its own.
std::size_t segment_end(std::string_view text)
{
    auto ends = [](char c) { return c == '/' || c == '?'; };
    return std::size_t(std::find_if(text.begin(), text.end(), ends) - text.begin());
}

// A word of the vendor's own, and not what a tool with a bug writes in place of an id.
bool is_vendor_word(std::string_view segment)
{
    constexpr std::array<std::string_view, 4> mistakes{"undefined", "null", "none", "nan"};
    return std::all_of(segment.begin(), segment.end(), [](char c) { return is_letter(c) || c == '-'; }) &&
           std::none_of(mistakes.begin(), mistakes.end(), [&](std::string_view m) { return equals_lower(segment, m); });
}

// "." or "..", in whichever way it is written: somebody further up might take it away, and see another path than we do.
bool is_dot_segment(std::string_view segment)
{
    std::string plain;
    for (std::size_t at = 0; at < segment.size();)
    {
        bool encoded = equals_lower(segment.substr(at, 3), "%2e");
        plain += encoded ? '.' : segment[at];
        at += encoded ? 3 : 1;
        if (plain.size() > 2) return false;
    }
    return plain == "." || plain == "..";
}

bool hides_slash(std::string_view path)
{
    for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1))
        if (equals_lower(path.substr(at, 3), "%2f") || equals_lower(path.substr(at, 3), "%5c")) return true;
    return false;
}

bool has_dot_segment(std::string_view target)
{
    std::string_view path = target.substr(0, target.find('?'));
    while (!path.empty())
        if (is_dot_segment(take_segment(path))) return true;
    return false;
}

// Below /v2/, or another version. A second one means a base URL that ends with /v2 and a tool that adds it.
bool is_gongs(std::string_view path)
{
    if (!is_version(take_segment(path)) || path.size() < 2) return false;
    return !is_version(take_segment(path));
}

// A GET below /v2/calls/.
void route_call(routed& r)
{
    std::string_view segment = r.target.substr(calls.size());
    if (segment.empty()) return;  // the list, as some clients write it
    std::size_t end = segment_end(segment);
    bool whole = end == segment.size();
    segment = segment.substr(0, end);
    if (is_call_id(segment))
        r.what = whole ? route::lookup : route::pass;  // `/v2/calls/1/`, `/v2/calls/1?x`, `/v2/calls/1/media`
    else if (!segment.empty() && !is_vendor_word(segment))
        r.what = route::bad_id;
    if (r.what != route::pass) r.name = segment;
}

// Only what can be written in one way is kept: what is encoded passes through, and what hides a slash is refused.
void route_kept(routed& r, const std::vector<route_settings>& routes)
{
    std::string_view path = path_of(r.target);
    auto match = std::find_if(routes.begin(), routes.end(), [&](const auto& k) { return is_path_of(k.path, path); });
    if (match == routes.end() || r.target.size() > kept_target_max) return;
    if (hides_slash(path)) r.what = route::bad_target;
    if (path.find('%') != std::string_view::npos) return;
    r.what = route::kept;
    r.name = r.target;
    r.kept_by = &*match;
}

}  // namespace

routed route_target(std::string_view target, bool is_get_or_head, const std::vector<route_settings>& routes)
{
    routed r;
    if (target == "*" && !is_get_or_head) return {route::pass, {}, target, {}};  // OPTIONS of the vendor itself
    if (!target.starts_with('/')) return {route::bad_target, {}, target, {}};
    if (target.starts_with("/@"))
    {
        std::size_t end = 1 + segment_end(target.substr(1));
        r.tool = target.substr(2, end - 2);
        if (!is_tool_name(r.tool)) return {route::bad_target, {}, target, {}};
        if (end == target.size() || target[end] != '/')
            return {route::elsewhere, r.tool, "/", {}};  // nothing behind it
        target.remove_prefix(end);
    }
    r.target = target;
    if (is_get_or_head && target.starts_with(calls)) route_call(r);
    if (r.what == route::pass && has_dot_segment(target)) r.what = route::bad_target;
    if (r.what == route::pass && !is_gongs(path_of(target))) r.what = route::elsewhere;
    if (r.what == route::pass && is_get_or_head) route_kept(r, routes);
    return r;
}

std::string right_base_url(const routed& to, const std::string& base)
{
    const std::string own = base + (to.tool.empty() ? "" : "/@" + std::string(to.tool));
    std::string_view path = path_of(to.target);
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (is_version(path.substr(0, path.find('/')))) return own + ", without a slash or /v2 behind it";
    return own + ", or " + own + "/v2 for a tool that leaves /v2 out of its own paths";
}

std::optional<call_view> view_read_by(std::string_view method, std::string_view target)
{
    for (call_view v : {call_view::transcript, call_view::details})
        if (method == "POST" && target == path_of_reads(v)) return v;
    return std::nullopt;
}

std::optional<bulk_kind> calls_brought_by(std::string_view method, std::string_view target)
{
    std::string_view path = path_of(target);
    if (method == "GET" && (path == "/v2/calls" || path == calls)) return bulk_kind::list;
    if (method == "POST" && path == path_of_reads(call_view::details)) return bulk_kind::extensive;
    return std::nullopt;
}

}  // namespace callcache
