#include "server/fetch/breaker.hpp"

namespace callcache
{

void breaker::sending(std::string_view subject, steady_time now)
{
    if (!holds(subject)) return;
    last_probe_ = subject;
    probe_at_ = probe_ends_at_ = now + longest_pause;
}

void breaker::ended_unheard(std::string_view subject, steady_time now)
{
    if (!holds(subject)) return;
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
    return f.whom != concerns::itself || !has_failed(f.subject);
}

void breaker::failed(const failure& f, steady_time now)
{
    if (!holds(f.subject))
    {
        if (!counts(f)) return;
        const bool was_open = is_open();
        ++failures_;
        counted_at_ = now;
        if (f.whom == concerns::everybody)
            subjects_.emplace_back();
        else if (!has_failed(f.subject))
            subjects_.emplace_back(f.subject);
        if (!holds(f.subject)) return;
        if (!was_open) pause_.reset();
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
