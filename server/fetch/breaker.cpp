#include "server/fetch/breaker.hpp"

#include <algorithm>

namespace callcache
{

void breaker::sending(steady_time now)
{
    if (is_down()) probe_at_ = now + longest_pause;
}

void breaker::ended_unheard(steady_time now)
{
    if (is_down()) probe_at_ = std::min<steady_time>(probe_at_, now + first_pause);
}

void breaker::failed(steady_time began, steady_time now)
{
    if (!is_down()) pause_.reset();
    failures_ = std::min(failures_ + 1, failures_max);
    if (is_down() && pause_.failed(began, now)) probe_at_ = pause_.until();
}

steady_time::duration breaker::until_probe(steady_time now) const
{
    return lets_through(now) ? steady_time::duration::zero() : probe_at_ - now;
}

}  // namespace callcache
