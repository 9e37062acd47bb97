// Asks TCP once a second whether the other end has acknowledged all that was written.
#pragma once

#include "server/upstream/transport.hpp"

#include <functional>
#include <utility>

namespace callcache
{

// The connection's loop only. Both outlive it.
class acknowledgement_watch
{
public:
    // `told` is called each second in which it is so, until stop().
    acknowledgement_watch(executor loop, const clock_source& clock, transport& connection, std::function<void()> told) :
        alarm_(loop, clock),
        clock_(clock),
        connection_(connection),
        told_(std::move(told))
    {
        wait();
    }

    void stop() { alarm_.cancel(); }

private:
    static constexpr std::chrono::seconds every{1};

    void wait()
    {
        alarm_.set(clock_.steady() + every, [this] {
            wait();
            if (connection_.is_acknowledged()) told_();
        });
    }

    alarm alarm_;
    const clock_source& clock_;
    transport& connection_;
    const std::function<void()> told_;
};

}  // namespace callcache
