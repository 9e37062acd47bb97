#include "config/tool_table.hpp"

#include "config/ascii.hpp"
#include "config/units.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr std::size_t name_max = 64;

std::string_view view(const rapidjson::Value& v)
{
    return {v.GetString(), v.GetStringLength()};
}

bool set(tool_settings& to, std::string_view name, const rapidjson::Value& v)
{
    if (name == "daily" && v.IsUint64() && v.GetUint64() > 0 && !to.daily)
        to.daily = v.GetUint64();
    else if (name == "class" && v.IsString() && !to.how && (view(v) == "interactive" || view(v) == "background"))
        to.how = view(v) == "background" ? urgency::background : urgency::interactive;
    else if (name == "wait_max" && v.IsString() && !to.wait_max)
    {
        to.wait_max = parse_duration(view(v));
        return to.wait_max && *to.wait_max <= 24h;
    }
    else
        return false;
    return true;
}

}  // namespace

bool is_tool_name(std::string_view name)
{
    auto is_good = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
    return !name.empty() && name.size() <= name_max && std::all_of(name.begin(), name.end(), is_good);
}

std::optional<std::map<std::string, tool_settings>> read_tools(std::string_view json, std::string* wrong)
{
    auto refuse = [&](std::string what) {
        if (wrong) *wrong = std::move(what);
        return std::nullopt;
    };
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject()) return refuse("");
    std::map<std::string, tool_settings> tools;
    for (const auto& member : document.GetObject())
    {
        const std::string tool(view(member.name));
        if (!is_tool_name(tool)) return refuse("\"" + tool + "\" is no tool's name");
        if (!member.value.IsObject()) return refuse(tool + " is no object");
        auto [place, is_new] = tools.try_emplace(tool);
        if (!is_new) return refuse(tool + " stands there twice");
        for (const auto& part : member.value.GetObject())
        {
            const std::string name(view(part.name));
            bool is_known = name == "daily" || name == "class" || name == "wait_max";
            if (!is_known) return refuse(tool + "." + name + " is none of daily, class and wait_max");
            if (!set(place->second, name, part.value))
                return refuse(tool + "." + name + " has a value that is not allowed");
        }
    }
    return tools;
}

std::string show_tools(const std::map<std::string, tool_settings>& tools)
{
    std::string text;
    for (const auto& [name, t] : tools)
    {
        std::string parts;
        auto add = [&](std::string_view part, const std::string& value) {
            parts += (parts.empty() ? "\"" : ", \"") + std::string(part) + "\": " + value;
        };
        if (t.daily) add("daily", std::to_string(*t.daily));
        if (t.how) add("class", *t.how == urgency::background ? "\"background\"" : "\"interactive\"");
        if (t.wait_max) add("wait_max", "\"" + format_duration(*t.wait_max) + "\"");
        text += (text.empty() ? "\"" : ", \"") + name + "\": {" + parts + "}";
    }
    return "{" + text + "}";
}

}  // namespace callcache
