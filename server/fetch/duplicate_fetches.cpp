#include "server/fetch/duplicate_fetches.hpp"

#include <cstring>
#include <functional>

namespace callcache
{

void duplicate_fetches::fetched(std::string_view id, const digest& name, bool alone, wall_time now)
{
    if (auto today = std::chrono::floor<std::chrono::days>(now); today != day_)
    {
        day_ = today;
        today_ = 0;
        first_.clear();
        others_.clear();
        credentials_.clear();
    }
    std::uint64_t whose;
    std::memcpy(&whose, name.data(), sizeof whose);
    std::uint64_t call = std::hash<std::string_view>()(id);
    if (first_.size() + others_.size() >= calls_max) return;
    auto [first, is_new] = first_.try_emplace(call, whose);
    if (is_new || first->second == whose) return;
    bool is_duplicate = others_.insert(call * 31 + whose).second;
    if (!is_duplicate || !alone) return;
    ++total_;
    ++today_;
    credentials_.insert({first->second, whose});
}

duplicate_report duplicate_fetches::report(wall_time now) const
{
    if (std::chrono::floor<std::chrono::days>(now) != day_) return {total_, 0, 0};
    return {total_, today_, credentials_.size()};
}

}  // namespace callcache
