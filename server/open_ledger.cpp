#include "server/open_ledger.hpp"

#include <filesystem>

namespace callcache
{

std::string ledger_path(const settings& config)
{
    if (!config.budget.path.empty()) return config.budget.path;
    return config.cache.path == ":memory:" ? ":memory:" : config.cache.path + "-budget";
}

ledger_opening open_ledger(const settings& config, const clock_source& clock, log& out)
{
    if (config.mode == run_mode::offline) return opened_ledger{std::nullopt, make_memory_ledger()};  // nothing is spent
    std::string path = ledger_path(config);
    if (path == ":memory:")
    {
        if (config.cache.path != ":memory:")
            out.warn("the budget's ledger is in memory (budget.path): what is spent is forgotten with the process");
        return opened_ledger{std::nullopt, make_memory_ledger()};
    }
    std::error_code ignored;
    if (std::filesystem::equivalent(path, config.cache.path, ignored))
        return "budget.path: " + path + " is the same file as cache.path";
    auto locked = file_lock::take(path + "-lock", file_lock::this_process());
    if (auto* by = std::get_if<file_lock::held>(&locked)) return ledger_in_use{path, by->by};
    opened_ledger l;
    if (auto* lock = std::get_if<file_lock>(&locked)) l.lock.emplace(std::move(*lock));
    // A folder that cannot be written is explained here, before the lock's own words.
    auto opened = open_sqlite_ledger(
        {path, [&out](const std::string& line) { out.warn(line); }, config.budget.daily, clock.wall()});
    if (auto* refused = std::get_if<ledger_refused>(&opened)) return refused->text;
    if (auto* u = std::get_if<file_lock::unavailable>(&locked)) return "cannot lock " + path + "-lock: " + u->why;
    l.book = std::move(std::get<std::unique_ptr<ledger>>(opened));
    return l;
}

}  // namespace callcache
