// The outage breaker: an outage upstream must not burn the day.
//
// After five failures in a row (is_outage() in learn.hpp says which) upstream counts as down, and is asked once in a
// while only: after 5 s, then after twice as long each time, up to a minute. An hour's outage costs about 60 API calls,
// and not 10,800. One answer of another kind, and it is up again.
#pragma once

#include "server/async/backoff.hpp"

namespace callcache
{

// Pure; one thread.
class breaker
{
public:
    bool is_down() const { return failures_ >= failures_max; }

    // True if a request may be sent; while upstream is down, that is the probe.
    bool lets_through(steady_time now) const { return !is_down() || now >= probe_at_; }

    // A request that was let through is on its way: while upstream is down, no other is until its end, or the next
    // probe.
    void sending(steady_time now);

    // One that was sent ended without a word of the vendor's, as its tool hung up: the next probe need not wait for it.
    void ended_unheard(steady_time now);

    void succeeded() { failures_ = 0; }

    // A request that had its turn at `began`. Those that were on their way together are one failure of a probe.
    void failed(steady_time began, steady_time now);

    // How long until the next probe; zero if one may be sent now, or none is needed.
    steady_time::duration until_probe(steady_time now) const;

private:
    static constexpr int failures_max = 5;
    static constexpr std::chrono::seconds first_pause{5}, longest_pause{60};

    int failures_ = 0;  // in a row
    backoff pause_{first_pause, longest_pause};
    steady_time probe_at_{};
};

}  // namespace callcache
