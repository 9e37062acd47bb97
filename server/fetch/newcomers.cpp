#include "server/fetch/newcomers.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr duration refill = 15min, day = 24h;
constexpr std::size_t refusals_max = 10;  // a day, of one credential

}  // namespace

std::uint64_t newcomers_max(const budget_settings& s)
{
    if (s.newcomers > 0) return s.newcomers;
    return s.daily == 0 ? 100 : std::clamp<std::uint64_t>(s.daily / 10, 10, 100);
}

void newcomers::reconfigure(const budget_settings& s, steady_time now)
{
    level_ = level_at(now);
    filled_at_ = now;
    level_ += double(newcomers_max(s)) - double(max_);
    max_ = newcomers_max(s);
}

double newcomers::level_at(steady_time now) const
{
    const std::chrono::duration<double> since = now - filled_at_;
    return std::min(double(max_), level_ + since / refill);
}

duration newcomers::until_turn(const digest& credential, steady_time now) const
{
    const double missing = 1 - level_at(now);
    auto wait = std::max(duration(0), std::chrono::ceil<duration>(missing * std::chrono::duration<double>(refill)));
    if (on_their_way_ > 0) wait = std::min<duration>(wait, 1s);
    if (auto known = refused_.find(credential); known != refused_.end() && known->second.size() >= refusals_max)
        wait = std::max(wait, std::chrono::ceil<duration>(known->second.front() + day - now));
    return wait;
}

newcomers::stake::stake(newcomers& of, const digest& credential, steady_time now) : of_(&of), credential_(credential)
{
    of.level_ = of.level_at(now) - 1;
    of.filled_at_ = now;
    ++of.on_their_way_;
}

newcomers::stake::~stake()
{
    if (!of_) return;
    of_->level_ += 1;
    --of_->on_their_way_;
}

void newcomers::stake::spend(steady_time now)
{
    newcomers* of = std::exchange(of_, nullptr);
    if (!of) return;
    --of->on_their_way_;
    std::erase_if(of->refused_, [&](const auto& k) { return k.second.back() + day <= now; });
    std::vector<steady_time>& mine = of->refused_[credential_];
    if (mine.size() >= refusals_max) mine.erase(mine.begin());
    mine.push_back(now);
}

}  // namespace callcache
