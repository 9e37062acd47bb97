#include "cache/data_files.hpp"

#include "cache/file_system.hpp"

namespace callcache
{
namespace
{

// Puts what `path` leads to in its place. Or the operator's line that says why that cannot be done.
std::optional<std::string> follow(std::string& path, std::string_view key)
{
    if (path == in_memory) return std::nullopt;
    link_trail trail = follow_links(path);
    if (trail.is_circle)
        return std::string(key) + ": " + path +
               " is a symbolic link that leads to no file: the links go round in a circle";
    path = trail.end;
    return std::nullopt;
}

}  // namespace

std::variant<data_files, std::string> find_data_files(const settings& config)
{
    data_files found{config.cache.path, config.budget.path};
    if (auto trouble = follow(found.cache, "cache.path")) return *trouble;
    if (found.ledger.empty()) found.ledger = found.cache == in_memory ? in_memory : found.cache + "-budget";
    if (auto trouble = follow(found.ledger, "budget.path")) return *trouble;
    auto ledger = file_at(found.ledger);
    bool same =
        found.ledger != in_memory && (found.ledger == found.cache || (ledger && ledger == file_at(found.cache)));
    if (same)
        return "budget.path: " + (config.budget.path.empty() ? found.ledger : config.budget.path) +
               " is the same file as cache.path";
    return found;
}

}  // namespace callcache
