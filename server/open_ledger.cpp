#include "server/open_ledger.hpp"

namespace callcache
{

ledger_opening open_ledger(const settings& config, const data_files& files, const clock_source& clock, log& out)
{
    if (config.mode == run_mode::offline) return make_memory_ledger();  // nothing is spent
    const std::string& path = files.ledger;
    if (path == in_memory)
    {
        if (files.cache != in_memory)
            out.warn("the budget's ledger is in memory (budget.path): what is spent is forgotten with the process");
        return make_memory_ledger();
    }
    auto locked = file_lock::take(path + "-lock", file_lock::this_process());
    if (auto* by = std::get_if<file_lock::held>(&locked)) return ledger_in_use{path, by->by};
    ledger_options options{path, [&out](const std::string& line) { out.warn(line); },
                           [&out](const std::string& line) { out.error(line); }, config.budget.daily, clock.wall()};
    if (auto* lock = std::get_if<file_lock>(&locked)) options.lock.emplace(std::move(*lock));
    // A folder that cannot be written is explained here, before the lock's own words.
    auto opened = open_sqlite_ledger(std::move(options));
    if (auto* refused = std::get_if<ledger_refused>(&opened)) return refused->text;
    if (auto* u = std::get_if<file_lock::unavailable>(&locked)) return "cannot lock " + path + "-lock: " + u->why;
    return std::move(std::get<std::unique_ptr<ledger>>(opened));
}

}  // namespace callcache
