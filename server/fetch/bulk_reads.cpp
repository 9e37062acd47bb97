#include "server/fetch/bulk_reads.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr duration refused_for = std::chrono::hours(1);
constexpr duration differs_for = std::chrono::hours(24);
constexpr duration check_every = std::chrono::hours(24);
constexpr unsigned failures_max = 2;  // in a row

}  // namespace

bool bulk_reads::is_possible(const partition& whose, wall_time now) const
{
    return settings_.mode == bulk_mode::automatic && now >= whose.no_bulk_until();
}

std::size_t bulk_reads::takes_along(const partition& whose, bool trusted, std::size_t waiting, duration last_turn,
                                    bool stretched) const
{
    auto known = known_.find(whose.id());
    bool proven = known != known_.end() && known->second.works;
    bool is_out = known != known_.end() && known->second.on_their_way > 0;
    if (!trusted || waiting == 0 || (is_out && !proven)) return 0;
    bool pays = last_turn + single_ > bulk_ && last_turn > duration(0);
    return pays || stretched ? settings_.ids_max - 1 : 0;
}

void bulk_reads::begins(const partition& whose)
{
    ++known_[whose.id()].on_their_way;
}

void bulk_reads::ends(partition& whose, bulk_end how, duration took, std::size_t asked, std::size_t found,
                      wall_time now)
{
    state& s = known_[whose.id()];
    --s.on_their_way;
    if (how == bulk_end::unknown) return;
    ++report_.batches;
    if (how == bulk_end::spoiled && asked > 2) return;  // smaller ones will tell
    report_.calls += found;
    report_.fallbacks += asked - found;
    report_.saved += found - std::min<std::size_t>(found, 1);
    if (how == bulk_end::read) average(bulk_, took);
    if (how == bulk_end::spoiled)
    {
        if (++s.unexplained >= failures_max) whose.stop_bulk_until(now + refused_for);
        return;
    }
    s.works = how == bulk_end::read;
    s.failed_in_a_row = how == bulk_end::failed ? s.failed_in_a_row + 1 : 0;
    if (how == bulk_end::read) s.unexplained = 0;
    if (how == bulk_end::refused || s.failed_in_a_row >= failures_max) whose.stop_bulk_until(now + refused_for);
}

void bulk_reads::explained(const partition& whose)
{
    state& s = known_[whose.id()];
    s.unexplained -= std::min(s.unexplained, 1u);
}

bool bulk_reads::claims_check(const partition& whose, wall_time now)
{
    state& s = known_[whose.id()];
    if (s.checked_at != wall_time() && now - s.checked_at < check_every) return false;
    s.checked_at = now;
    return true;
}

void bulk_reads::checked(partition& whose, bool differs, wall_time now)
{
    ++report_.checks;
    if (!differs) return;
    ++report_.differences;
    whose.stop_bulk_until(now + differs_for);
}

}  // namespace callcache
