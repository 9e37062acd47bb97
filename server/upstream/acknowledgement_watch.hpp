// Asks TCP once a second whether the other end has acknowledged what was written.
#pragma once

#include "server/upstream/transport.hpp"

#include <functional>
#include <utility>

namespace callcache
{

// The connection's loop only. Both outlive it. Begins before the request is written.
class acknowledgement_watch
{
public:
    // A NAT, a VPN or a firewall may have forgotten a connection that was idle, and TCP would try for minutes. So one
    // that `was_used` before, and acknowledges nothing at all for so long, is closed.
    static constexpr std::chrono::seconds silence_max{3};

    // `told` is called each second in which all is acknowledged, until stop().
    acknowledgement_watch(executor loop, const clock_source& clock, transport& connection, bool was_used,
                          std::function<void()> told) :
        alarm_(loop, clock),
        clock_(clock),
        connection_(connection),
        told_(std::move(told)),
        dead_at_(was_used ? clock.steady() + silence_max : steady_time::max()),
        before_(connection.acknowledged_bytes())
    {
        wait();
    }

    void stop() { alarm_.cancel(); }

    // The failure of a connection that was closed for its silence; nullopt if it was not.
    std::optional<upstream_failure> found_dead() const
    {
        if (!is_dead_) return std::nullopt;
        return upstream_failure{upstream_failure::kind::closed,
                                "the connection had died while it was idle: nothing was acknowledged within " +
                                    std::to_string(silence_max.count()) + " s",
                                true};
    }

private:
    static constexpr std::chrono::seconds every{1};

    void wait()
    {
        alarm_.set(clock_.steady() + every, [this] { look(); });
    }

    void look()
    {
        const bool arrived = connection_.is_acknowledged();
        is_dead_ = !arrived && clock_.steady() >= dead_at_ && connection_.acknowledged_bytes() == before_;
        if (is_dead_) return connection_.close();
        wait();
        if (arrived) told_();
    }

    alarm alarm_;
    const clock_source& clock_;
    transport& connection_;
    const std::function<void()> told_;
    const steady_time dead_at_;
    const std::uint64_t before_;
    bool is_dead_ = false;
};

}  // namespace callcache
