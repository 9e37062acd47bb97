// The value of budget.tools, as JSON.
#pragma once

#include "config/settings.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// A tool's name, as it may stand in `/@name/`: 1 to 64 letters, digits, '-', '_', '.'.
bool is_tool_name(std::string_view);

// {"etl": {"daily": 6000, "class": "background", "wait_max": "5s"}}. Nothing if it is not of that form; then `wrong`,
// if it is not null, is the part that is refused, as "etl.dialy is none of daily, class and wait_max", or empty if none
// can be named.
std::optional<std::map<std::string, tool_settings>> read_tools(std::string_view json, std::string* wrong = nullptr);

// What read_tools() reads as the same.
std::string show_tools(const std::map<std::string, tool_settings>&);

}  // namespace callcache
