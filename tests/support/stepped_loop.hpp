// A loop that a test steps, and the clock of what runs on it.
#pragma once

#include "tests/support/sim_clock.hpp"

#include <doctest/doctest.h>

#include <functional>

namespace callcache::test
{

struct stepped_loop
{
    sim_clock clock;  // outlives the loop, which holds alarms
    asio::io_context loop{1};

    // Fails the test if nothing happens for 10 s.
    void run_until(const std::function<bool()>& true_now)
    {
        while (!true_now())
        {
            loop.restart();
            REQUIRE(loop.run_one_for(std::chrono::seconds(10)) > 0);
        }
    }

    // All that can happen without anybody else.
    void settle()
    {
        for (int round = 0; round < 20; ++round) loop.restart(), loop.poll();
    }

    void advance(std::chrono::nanoseconds by)
    {
        clock.advance(by);
        settle();
    }
};

}  // namespace callcache::test
