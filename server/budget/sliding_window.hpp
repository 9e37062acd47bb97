// When the next request may be sent, so that the vendor never sees more than `burst` in any `burst`/`rate` seconds.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace callcache
{

// There are `burst` tokens. A request takes one when it is sent, and the token comes back a window after the request's
// arrival at the vendor, as far as that is proved: so no `burst` + 1 requests arrive within a window, in whichever
// order they do.
//
// Pure; one thread.
class sliding_window
{
public:
    using token = std::uint64_t;

    // Nothing is sent before `not_before`: a process before this one may have sent right before it ended.
    sliding_window(const budget_settings&, steady_time not_before);

    // What holds from now on. What was sent before counts for as long as the new window is.
    void reconfigure(const budget_settings&, steady_time now);

    // `burst`/`rate` seconds and the margin.
    static steady_time::duration length(const budget_settings&);

    // When the request may be sent that has `others` before it, if nobody else arrives. Never before `now`. While the
    // arrival of an earlier one is not proved it is an estimate, and later than now.
    steady_time next(steady_time now, std::size_t others = 0) const;

    // REQUIRES: next(now) == now. Each token is then told of once: sent, and answered or lost, or given back.
    token take(steady_time now);

    // The request is being handed to the kernel.
    void sent(token, steady_time now);

    // More of it is to be handed over, and the vendor may count it no sooner than that comes. True if its token stands
    // for that too, as it is out; then what was acknowledged counts no longer. False if the token has come back: then
    // the rest needs another one.
    bool sends_more(token, steady_time now);

    // The first byte of its answer came. `round_trip` is the least that the network there and back ever took.
    void answered(token, steady_time now, steady_time::duration round_trip = {});

    // The other end of the connection has acknowledged all of it.
    void acknowledged(token, steady_time now);

    // The connection has ended: what did not arrive by now never will.
    void lost(token, steady_time now);

    // It was not sent after all.
    void give_back(token);

private:
    void arrived(token, steady_time at_the_latest);

    std::size_t burst_;
    steady_time::duration window_;
    steady_time::duration margin_;
    steady_time not_before_;
    struct flying
    {
        steady_time sent;
        std::optional<steady_time> returns;  // as far as an acknowledgement tells
    };
    std::map<token, flying> flying_;      // no answer yet
    std::vector<steady_time> returning_;  // when tokens come back, unsorted; those that are back go with the next take
    std::deque<steady_time::duration> lately_;  // from sending to the first byte of the answer
    token last_ = 0;
};

}  // namespace callcache
