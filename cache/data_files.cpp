#include "cache/data_files.hpp"

#include "cache/file_system.hpp"

namespace callcache
{

std::variant<data_files, std::string> find_data_files(const settings& config)
{
    data_files found{config.cache.path, config.budget.path};
    for (auto [key, path] : {std::pair("cache.path", &found.cache), {"budget.path", &found.ledger}})
    {
        if (path->empty() || *path == in_memory) continue;
        link_trail trail = follow_links(*path);
        if (trail.is_circle)
            return std::string(key) + ": " + *path +
                   " is a symbolic link that leads to no file: the links go round in a circle";
        *path = trail.end;
    }
    if (found.ledger.empty()) found.ledger = found.cache == in_memory ? in_memory : found.cache + "-budget";
    auto ledger = file_at(found.ledger);
    bool same =
        found.ledger != in_memory && (found.ledger == found.cache || (ledger && ledger == file_at(found.cache)));
    if (same) return "budget.path: " + config.budget.path + " is the same file as cache.path";
    return found;
}

}  // namespace callcache
