#include "config/route_table.hpp"

#include "config/ascii.hpp"
#include "config/units.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr std::size_t routes_max = 100;
constexpr std::size_t path_max = 200;

std::string_view view(const rapidjson::Value& v)
{
    return {v.GetString(), v.GetStringLength()};
}

bool is_placeholder(std::string_view segment)
{
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// As it stands in a URI, without what would have to be decoded to be compared (RFC 3986, section 3.3).
bool is_plain(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view("-._~!$&'()+,;=:@").find(c) != std::string_view::npos;
    });
}

bool is_pattern(std::string_view path)
{
    if (path.size() < 2 || path.size() > path_max || path.front() != '/') return false;
    while (!path.empty())
    {
        std::string_view segment = take_segment(path);
        if (segment == "**") return path.empty();
        std::string_view plain = is_placeholder(segment) ? segment.substr(1, segment.size() - 2) : segment;
        if (plain.empty() || plain == "." || plain == ".." || !is_plain(plain)) return false;
    }
    return true;
}

bool is_right(std::string_view name, const rapidjson::Value& value)
{
    if (name == "override") return value.IsBool();
    if (!value.IsString()) return false;
    if (name == "path") return is_pattern(view(value));
    auto fresh = parse_duration(view(value));
    return fresh && *fresh >= 1s && *fresh <= 30 * 24h;
}

// Says what is wrong with one entry of the list; empty if it is right.
std::string wrong_in_route(const rapidjson::Value& entry)
{
    if (!entry.IsObject()) return " is no object";
    std::vector<std::string_view> names;
    for (const auto& part : entry.GetObject())
    {
        const std::string_view name = view(part.name);
        const std::string says = ": " + std::string(name);
        if (name != "path" && name != "fresh" && name != "override")
            return says + " is none of path, fresh and override";
        if (!is_right(name, part.value)) return says + " has a value that is not allowed";
        if (std::find(names.begin(), names.end(), name) != names.end()) return says + " stands there twice";
        names.push_back(name);
    }
    for (const char* needed : {"path", "fresh"})
        if (!entry.HasMember(needed)) return " has no " + std::string(needed);
    return "";
}

std::optional<route_settings> read_route(const rapidjson::Value& entry)
{
    if (!wrong_in_route(entry).empty()) return std::nullopt;
    route_settings r;
    r.path = view(entry["path"]);
    r.fresh = *parse_duration(view(entry["fresh"]));
    r.overrides = entry.HasMember("override") && entry["override"].GetBool();
    return r;
}

// True if every path of `narrow` is one of `wide` too.
bool covers(std::string_view wide, std::string_view narrow)
{
    while (!wide.empty() && !narrow.empty())
    {
        if (wide == "/**") return true;
        std::string_view w = take_segment(wide), n = take_segment(narrow);
        if (n == "**" || (!is_placeholder(w) && w != n)) return false;
    }
    return wide.empty() && narrow.empty();
}

// Of a path that never reaches the routes, why; else empty. See front/route.
std::string_view why_unreached(std::string_view path)
{
    constexpr std::string_view calls = "/v2/calls/";
    std::string_view call = path.starts_with(calls) ? path.substr(calls.size()) : "";
    bool is_word =
        std::all_of(call.begin(), call.end(), [](char c) { return (is_alphanumeric(c) && !is_digit(c)) || c == '-'; });
    if (call != "**" && call.find('/') == call.npos && !is_word)
        return "calls are kept without a route, as cache.calls says";
    if (path.starts_with("/@")) return "a tool's name, /@name, is not part of it";
    std::string_view first = take_segment(path), second = path.empty() ? "" : take_segment(path);
    if (!is_version(first) && !is_placeholder(first) && first != "**") return "Gong's paths begin with /v2/";
    if (first != "**" && second.empty()) return "Gong's paths have more behind /v2/";
    return is_version(second) ? "Gong's paths have one /v2/" : "";
}

}  // namespace

std::string_view take_segment(std::string_view& path)
{
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

bool is_version(std::string_view segment)
{
    return segment.size() > 1 && segment.front() == 'v' &&
           std::all_of(segment.begin() + 1, segment.end(), [](char c) { return is_digit(c); });
}

std::optional<std::string> useless_route(const std::vector<route_settings>& routes)
{
    for (auto at = routes.begin(); at != routes.end(); ++at)
    {
        std::string says = "\"" + at->path + "\" is of no use: ";
        if (auto why = why_unreached(at->path); !why.empty()) return says + std::string(why);
        auto wider = std::find_if(routes.begin(), at, [&](const auto& r) { return covers(r.path, at->path); });
        if (wider != at) return says + "\"" + wider->path + "\" stands before it and is of the same paths";
    }
    return std::nullopt;
}

std::optional<std::vector<route_settings>> read_routes(std::string_view json)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (document.HasParseError() || !document.IsArray() || document.Size() > routes_max) return std::nullopt;
    std::vector<route_settings> routes;
    for (const auto& item : document.GetArray())
    {
        auto route = read_route(item);
        if (!route) return std::nullopt;
        auto is_same = [&](const route_settings& r) { return r.path == route->path; };
        if (std::any_of(routes.begin(), routes.end(), is_same)) return std::nullopt;
        routes.push_back(std::move(*route));
    }
    return routes;
}

std::string wrong_in_routes(std::string_view json)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (document.HasParseError() || !document.IsArray()) return "";
    for (rapidjson::SizeType i = 0; i < document.Size(); ++i)
        if (std::string wrong = wrong_in_route(document[i]); !wrong.empty())
            return "entry " + std::to_string(i + 1) + wrong;
    return "";
}

std::string show_routes(const std::vector<route_settings>& routes)
{
    std::string text;
    for (const route_settings& r : routes)
        text += (text.empty() ? "{\"path\": \"" : ", {\"path\": \"") + r.path + "\", \"fresh\": \"" +
                format_duration(r.fresh) + (r.overrides ? "\", \"override\": true}" : "\"}");
    return "[" + text + "]";
}

bool is_path_of(std::string_view pattern, std::string_view path)
{
    while (pattern.starts_with('/') && path.starts_with('/'))
    {
        if (pattern == "/**") return path.size() > 1;
        std::string_view wanted = take_segment(pattern), segment = take_segment(path);
        if (is_placeholder(wanted) ? segment.empty() : segment != wanted) return false;
    }
    return pattern.empty() && path.empty();
}

}  // namespace callcache
