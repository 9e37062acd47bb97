#include "server/fetch/breaker.hpp"

#include <algorithm>

namespace callcache
{

void breaker::sending(steady_time now)
{
    if (is_down()) probe_at_ = now + longest_pause;
}

void breaker::failed(steady_time now)
{
    bool was_down = is_down();
    failures_ = std::min(failures_ + 1, failures_max);
    if (!is_down()) return;
    pause_ = was_down ? std::min(pause_ * 2, longest_pause) : first_pause;
    probe_at_ = now + pause_;
}

steady_time::duration breaker::until_probe(steady_time now) const
{
    return lets_through(now) ? steady_time::duration::zero() : probe_at_ - now;
}

}  // namespace callcache
