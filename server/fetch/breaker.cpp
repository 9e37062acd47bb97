#include "server/fetch/breaker.hpp"

#include <algorithm>

namespace callcache
{

void breaker::sending(std::string_view subject, steady_time now)
{
    if (!is_down()) return;
    last_probe_ = subject;
    probe_at_ = probe_ends_at_ = now + longest_pause;
}

void breaker::ended_unheard(steady_time now)
{
    if (!is_down()) return;
    probe_ends_at_ = now;
    probe_at_ = std::min<steady_time>(probe_at_, now + first_pause);
}

void breaker::succeeded()
{
    failures_ = 0;
    subjects_.clear();
    last_probe_.reset();
}

bool breaker::counts(const failure& f) const
{
    if (failures_ > 0 && f.began < counted_at_) return false;
    return !f.may_be_its_own || std::find(subjects_.begin(), subjects_.end(), f.subject) == subjects_.end();
}

void breaker::failed(const failure& f, steady_time now)
{
    if (!is_down())
    {
        if (!counts(f)) return;
        ++failures_;
        counted_at_ = now;
        if (f.may_be_its_own) subjects_.emplace_back(f.subject);
        if (!is_down()) return;
        pause_.reset();
    }
    if (!pause_.failed(f.began, now)) return;
    probe_ends_at_ = now;
    probe_at_ = std::max(pause_.until(), now + std::min<duration>(f.retry_after, longest_retry_after));
}

steady_time::duration breaker::until_probe(std::string_view subject, steady_time now) const
{
    if (lets_through(subject, now)) return steady_time::duration::zero();
    const steady_time::duration wait = probe_at_of(subject) - now;
    return is_probing(now) ? std::min<steady_time::duration>(wait, first_pause) : wait;
}

}  // namespace callcache
