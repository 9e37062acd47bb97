// Where time comes from. The system's clocks are read in the composition root alone; a test has clocks of its own.
#pragma once

#include "cache/time.hpp"
#include "server/async/net.hpp"

#include <functional>
#include <memory>
#include <string>

namespace callcache
{

// The machine's timer below our clocks: it only says when to look again.
using machine_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

// Any thread.
class clock_source
{
public:
    virtual ~clock_source() = default;
    virtual wall_time wall() const = 0;
    virtual steady_time steady() const = 0;
    moment now() const { return {wall(), steady()}; }

    // Names the run of the machine: within one, steady times of several processes can be compared.
    virtual const std::string& boot() const = 0;

    // How long to wait, by the machine, before it makes sense to look again whether `t` has come.
    virtual std::chrono::nanoseconds until(steady_time t) const = 0;

    // The timer is about to wait for `t`. A clock that does not go as the machine's does cancels it, on its executor,
    // when that has come.
    virtual void wake(steady_time, const std::shared_ptr<machine_timer>&) const {}
};

// Calls back once, at a time by `clock`, on its executor. For the executor's own thread.
class alarm
{
public:
    alarm(executor, const clock_source&);
    ~alarm();  // cancels
    alarm(const alarm&) = delete;
    alarm& operator=(const alarm&) = delete;

    // Replaces what was set before.
    void set(steady_time at, std::function<void()> ring);
    void cancel();

private:
    struct state;
    static void wait(const std::shared_ptr<state>&, std::uint64_t round);
    std::shared_ptr<state> state_;
};

task<void> sleep_until(const clock_source&, steady_time);

}  // namespace callcache
