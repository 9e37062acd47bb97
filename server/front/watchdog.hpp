// The patience with a vendor that gets nowhere with a request that passes through.
#pragma once

#include "server/upstream/transport.hpp"

#include <memory>
#include <utility>

namespace callcache
{

inline constexpr std::size_t progress_bytes = 1 << 10;  // at least so much in an `upstream.pass_timeout`

// Closes a connection on which nothing moves for `upstream.pass_timeout`, though it is the vendor's turn.
class watchdog
{
public:
    watchdog(executor ex, const clock_source& clock, milliseconds patience, transport& connection) :
        alarm_(ex, clock),
        clock_(clock),
        patience_(patience),
        connection_(connection)
    {
        moved(progress_bytes);
        look();
    }

    // A trickle is not progress.
    void moved(std::size_t bytes)
    {
        bytes_ += bytes;
        if (bytes_ < progress_bytes) return;
        bytes_ = 0;
        since_ = clock_.steady();
    }
    // While the tool is waited for, the time stands still.
    void wait_for_tool(bool waits)
    {
        steady_time now = clock_.steady();
        if (waits && tool_++ == 0) stopped_at_ = now;
        if (!waits && --tool_ == 0) since_ += now - stopped_at_;
    }
    bool has_bitten() const { return bitten_; }

private:
    void look()
    {
        steady_time now = clock_.steady();
        steady_time until = since_ + patience_ + (tool_ > 0 ? now - stopped_at_ : steady_time::duration());
        if (now < until) return alarm_.set(until, [this] { look(); });
        bitten_ = true;
        connection_.close();
    }

    alarm alarm_;
    const clock_source& clock_;
    const milliseconds patience_;
    transport& connection_;
    steady_time since_{}, stopped_at_{};
    std::size_t bytes_ = 0;
    int tool_ = 0;
    bool bitten_ = false;
};

// The tool is what is waited for, as long as this lives.
struct tools_turn
{
    explicit tools_turn(std::shared_ptr<watchdog> w) : dog(std::move(w)) { dog->wait_for_tool(true); }
    ~tools_turn() { dog->wait_for_tool(false); }
    tools_turn(const tools_turn&) = delete;
    tools_turn& operator=(const tools_turn&) = delete;

    std::shared_ptr<watchdog> dog;
};

}  // namespace callcache
