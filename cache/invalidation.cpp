#include "cache/invalidation.hpp"

#include "cache/call_id.hpp"
#include "cache/entry.hpp"
#include "config/ascii.hpp"
#include "config/route_table.hpp"

#include <algorithm>
#include <charconv>

namespace callcache
{
namespace
{

constexpr std::string_view calls = "/v2/calls/";
constexpr std::string_view erasures = "/v2/data-privacy/erase-data-for-";

// As a server may read it: decoded, and with one slash where there are several.
std::string plain(std::string_view path)
{
    std::string text;
    for (std::size_t at = 0; at < path.size(); ++at)
    {
        unsigned code = 0;
        const char* digits = path.data() + at + 1;
        bool encoded =
            path[at] == '%' && at + 2 < path.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2;
        char c = encoded ? char(code) : path[at];
        at += encoded ? 2 : 0;
        if (c != '/' || !text.ends_with('/')) text += c;
    }
    return text;
}

void add(invalidation& i, std::string_view target, const kept_routes& routes)
{
    auto add_name = [&](std::string_view name) {
        if (std::find(i.names.begin(), i.names.end(), name) == i.names.end()) i.names.emplace_back(name);
    };
    const std::string read = plain(path_of(target));
    std::string_view path = read;
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path.starts_with(calls))
    {
        std::string_view segment = path.substr(calls.size());
        segment = segment.substr(0, segment.find('/'));
        if (is_call_id(segment)) add_name(segment);
    }
    auto is_kept = [&](const route_settings& r) { return is_path_of(r.path, path); };
    if (std::any_of(routes.begin(), routes.end(), is_kept)) add_name(path);
}

}  // namespace

invalidation changed_by(bool is_safe, std::string_view target, const kept_routes& routes)
{
    invalidation i{is_safe};
    if (is_safe || !target.starts_with('/')) return i;
    i.erases = lowered(plain(path_of(target))).starts_with(erasures);
    add(i, target, routes);
    return i;
}

bool counts_as_done(const unsafe_end& end)
{
    bool is_done = end.status >= 200 && end.status < 300, is_refused = end.status >= 400 && end.status < 500;
    return is_done || (!is_refused && end.is_whole && end.is_accepted);
}

void add_location(invalidation& i, std::string_view location, std::string_view upstream_origin,
                  const kept_routes& routes)
{
    if (i.is_safe) return;
    if (location.starts_with(upstream_origin)) location.remove_prefix(upstream_origin.size());
    if (location.starts_with('/') && !location.starts_with("//"))
        add(i, location.substr(0, location.find('#')), routes);
}

}  // namespace callcache
