#include "server/text/tool_names.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{

void tool_names::add_named(const std::map<std::string, tool_settings>& named)
{
    std::lock_guard lock(mutex_);
    for (const auto& [name, said] : named)
    {
        if (!named_.insert(name).second) continue;
        places_.erase(name);
        ++changes_;
    }
}

bool tool_names::is_known(std::string_view tool) const
{
    return tool.empty() || named_.contains(tool) || places_.contains(tool);
}

bool tool_names::has(std::string_view tool) const
{
    std::lock_guard lock(mutex_);
    return is_known(tool);
}

std::string tool_names::find(std::string_view tool) const
{
    return std::string(has(tool) ? tool : other_tools);
}

std::string tool_names::enter(std::string_view tool)
{
    std::lock_guard lock(mutex_);
    bool is_new = !is_known(tool);
    if (tool == other_tools || (is_new && places_.size() >= tool_places_max)) return std::string(other_tools);
    if (is_new) ++changes_;
    std::string name(tool);
    if (!tool.empty() && !named_.contains(tool)) places_[name] = ++entered_;
    return name;
}

std::vector<std::string> tool_names::replaceable() const
{
    std::lock_guard lock(mutex_);
    std::vector<std::pair<std::uint64_t, std::string>> by_age;
    for (const auto& [name, entered] : places_) by_age.emplace_back(entered, name);
    std::sort(by_age.begin(), by_age.end());
    std::vector<std::string> names;
    names.reserve(by_age.size());
    for (auto& [entered, name] : by_age) names.push_back(std::move(name));
    return names;
}

void tool_names::replace(const std::string& old, std::string_view by)
{
    std::lock_guard lock(mutex_);
    places_.erase(old);
    places_[std::string(by)] = ++entered_;
    ++changes_;
}

}  // namespace callcache
