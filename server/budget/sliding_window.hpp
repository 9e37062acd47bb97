// When the next request may be sent, so that the vendor never sees more than `burst` in any `burst`/`rate` seconds.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace callcache
{

// Requests of one kind take about the same time; of different kinds they need not.
enum class request_kind : std::uint8_t
{
    lookup,
    batch,      // several lookups
    forwarded,  // a tool's own request
};

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

    // When a request of this kind may be sent that has `others` before it, if nobody else arrives. Never before `now`.
    // While the arrival of an earlier one is not proved it is an estimate, and later than now.
    steady_time next(steady_time now, std::size_t others = 0, request_kind = request_kind::lookup) const;

    // Lower bounds on next() for lookups, by the number of others before: as if all that is on its way were answered
    // now.
    class turns;
    turns soonest(steady_time now) const;

    // How many tokens forwarded requests hold that have no answer yet.
    std::size_t forwarded_out(steady_time now) const;

    // REQUIRES: next(now, 0, kind) == now. Each token is then told of once: sent, and answered or lost, or given back.
    token take(steady_time now, request_kind = request_kind::lookup);

    // The request is being handed to the kernel.
    void sent(token, steady_time now, request_kind = request_kind::lookup);

    // More of it is to be handed over, and the vendor may count it no sooner than that comes. True if the token is
    // still out: it covers the rest too, and earlier acknowledgements do not count. False: the rest needs another one.
    bool sends_more(token, steady_time now);

    // The first byte of its answer came. `round_trip` is the least that the network there and back ever took.
    void answered(token, steady_time now, steady_time::duration round_trip = {});

    // TCP at the other end of the connection has acknowledged all of it.
    void acknowledged(token, steady_time now);

    // The other end has ended the connection: what did not arrive by now never will.
    void lost(token, steady_time now);

    // We have ended it, without an answer: what was sent may lie at somebody on the way, and count later. The token
    // comes back as if it had been acknowledged, now at the latest.
    void broken_off(token, steady_time now);

    // It was not sent after all.
    void give_back(token);

private:
    struct flying
    {
        request_kind kind = request_kind::lookup;
        steady_time sent;
        std::optional<steady_time> returns = {};  // as far as an acknowledgement tells
        bool is_over = false;                     // nothing more is heard of it

        bool is_back(steady_time now) const { return returns && *returns <= now; }
    };
    // A token that comes back: earlier where the next request is of a kind that takes its time too.
    struct returning
    {
        steady_time at;
        steady_time::duration round_trip{}, least{};
    };
    struct answer_times
    {
        std::deque<steady_time::duration> lately;
        steady_time::duration least{};  // that can be relied on; zero until it is known
    };

    void arrived(token, steady_time now, returning);
    const answer_times& times_of(request_kind k) const { return times_[std::size_t(k)]; }
    steady_time free_at(const returning&, request_kind next) const;
    turns look(steady_time now, request_kind, bool answered_now) const;

    std::size_t burst_;
    steady_time::duration window_;
    steady_time not_before_;
    std::map<token, flying> flying_;     // no answer yet
    std::vector<returning> returning_;   // unsorted; those that are back go with the next take
    std::array<answer_times, 3> times_;  // by kind: from sending to the first byte of the answer
    token last_ = 0;
};

class sliding_window::turns
{
public:
    steady_time operator()(std::size_t others) const
    {
        // The others go as early as they can, `burst` of them in a round.
        return back_[back_.size() - burst_ + others % burst_] + long(others / burst_) * window_;
    }

private:
    friend class sliding_window;
    std::size_t burst_ = 0;
    steady_time::duration window_{};
    std::vector<steady_time> back_;  // when tokens come back, `burst_` at least, sorted
};

}  // namespace callcache
