// JSON as text, of parts that are written already.
#pragma once

#include "server/text/escape.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callcache
{

inline std::string json_string(std::string_view text)
{
    return "\"" + json_escaped(text) + "\"";
}

// JSON by name, in the order in which it is written.
using json_members = std::vector<std::pair<std::string, std::string>>;

inline std::string json_object(const json_members& all)
{
    std::string text;
    for (const auto& [name, json] : all) text += (text.empty() ? "" : ",") + json_string(name) + ":" + json;
    return "{" + text + "}";
}

inline std::string json_array(const std::vector<std::string>& all)
{
    std::string text;
    for (const std::string& json : all) text += (text.empty() ? "" : ",") + json;
    return "[" + text + "]";
}

inline std::string json_strings(const std::vector<std::string>& all)
{
    std::string text;
    for (const std::string& one : all) text += (text.empty() ? "" : ",") + json_string(one);
    return "[" + text + "]";
}

}  // namespace callcache
