// The one path that the product exists for is told apart from its literal siblings here: `/v2/calls/extensive`,
// `/v2/calls/transcript` and whatever word the vendor adds next are letters and hyphens, and an id is digits.
//
// What is neither, such as `12ab` or `%31`, would only cost a call of the day to be refused by the vendor; and
// `undefined`, `null`, `none` and `nan` are what a tool with a bug writes where an id should stand.

#include "server/http/route.hpp"

#include "cache/call_id.hpp"
#include "config/tool_table.hpp"
#include "server/http/head_guard.hpp"

#include <algorithm>
#include <array>

namespace callcache
{
namespace
{

constexpr std::string_view calls = "/v2/calls/";

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A word of the vendor's own, and not what a tool with a bug writes in place of an id.
bool is_vendor_word(std::string_view segment)
{
    constexpr std::array<std::string_view, 4> mistakes{"undefined", "null", "none", "nan"};
    return std::all_of(segment.begin(), segment.end(), [](char c) { return is_letter(c) || c == '-'; }) &&
           std::none_of(mistakes.begin(), mistakes.end(), [&](std::string_view m) { return equals_lower(segment, m); });
}

}  // namespace

routed route_target(std::string_view target, bool is_get_or_head)
{
    routed r;
    if (target == "*" && !is_get_or_head) return {route::pass, {}, target, {}};  // OPTIONS of the vendor itself
    if (!target.starts_with('/')) return {route::bad_target, {}, target, {}};
    if (target.starts_with("/@"))
    {
        std::size_t end = std::min(target.find_first_of("/?", 1), target.size());
        r.tool = target.substr(2, end - 2);
        if (!is_tool_name(r.tool) || end == target.size() || target[end] != '/')
            return {route::bad_target, {}, target, {}};
        target.remove_prefix(end);
    }
    r.target = target;
    if (!is_get_or_head || !target.starts_with(calls)) return r;

    std::string_view segment = target.substr(calls.size());
    if (segment.empty()) return r;  // the list, as some clients write it
    std::size_t end = std::min(segment.find_first_of("/?"), segment.size());
    bool whole = end == segment.size();
    segment = segment.substr(0, end);
    if (whole && is_call_id(segment))
        r.what = route::lookup;
    else if (is_call_id(segment))
        r.what = route::pass;  // `/v2/calls/1/`, `/v2/calls/1?x`, `/v2/calls/1/media`
    else if (segment.empty() || is_vendor_word(segment))
        r.what = route::pass;
    else
        r.what = route::bad_id;
    if (r.what == route::lookup || r.what == route::bad_id) r.call_id = segment;
    return r;
}

}  // namespace callcache
