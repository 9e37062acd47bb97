// The turn of each request that goes upstream: first come, first served, through a few places in which a connection is
// made ready, and out when the window has room.
//
// Only `burst` requests are past the queue at a time, so that whoever comes next waits for those few alone.
#pragma once

#include "server/budget/sliding_window.hpp"
#include "server/places.hpp"

namespace callcache
{

// Brain loop only.
class gate
{
public:
    gate(executor, const budget_settings&, const clock_source&, bool may_follow_another);

    // When one more request would be sent, if nobody else arrives.
    steady_time expected() const;
    std::size_t waiting() const { return places_.waiting(); }

    // Waits for a place: behind the others, or before them if `first`. False at the deadline, or when the gate is
    // closed. Whoever has a place leaves it exactly once.
    task<bool> enter(steady_time deadline, bool first = false) { return places_.enter(deadline, first); }
    void leave() { places_.leave(); }

    // Waits until the window has room. What follows without another wait may be sent: call sent() with it.
    task<void> room();
    void sent();

    // Everyone who still waits is told no.
    void close() { places_.close(); }

    // As in places.
    void abandon() { places_.abandon(); }

private:
    const clock_source& clock_;
    sliding_window window_;
    places places_;
};

}  // namespace callcache
