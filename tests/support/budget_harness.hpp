// The harness for tests of the budget: Gong's rate, and a clock that is let run.
#pragma once

#include "tests/support/harness.hpp"

namespace callcache::test
{

inline bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

inline std::string limited(const std::string& retry_after)
{
    return "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n" +
           (retry_after.empty() ? "" : "Retry-After: " + retry_after + "\r\n") + "\r\n";
}

// A harness with the vendor's own limits and Gong's rate.
struct three_a_second : harness
{
    three_a_second()
    {
        config.budget.rate = 3;
        config.budget.burst = 3;
        config.bulk.mode = bulk_mode::off;
        config.budget.retry_after_max = 48h;  // so that every Retry-After is the true one
        vendor_options.catalogue.not_found_every = 0;
    }

    std::string operator_says(const std::string& method, const std::string& target)
    {
        tool t(*this, cache->admin_endpoints().front());
        t.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        return t.read().raw;
    }

    // Lets the clock run until all have an answer; how long that took.
    duration answered(const std::vector<std::unique_ptr<tool>>& tools)
    {
        steady_time before = clock.steady();
        clock_runs = true;
        run_until(
            [&] { return std::all_of(tools.begin(), tools.end(), [](const auto& t) { return t->has_answer(); }); });
        clock_runs = false;
        return std::chrono::floor<duration>(clock.steady() - before);
    }

    std::unique_ptr<tool> asks(const std::string& target, const fields& further = {},
                               const std::string& as = authorization)
    {
        auto t = std::make_unique<tool>(*this);
        t->send(request("GET", target, further, as));
        return t;
    }

    // The tool "one" asks for the first `count` calls, in this order, each on a connection of its own.
    std::vector<std::unique_ptr<tool>> queue_up(std::uint64_t count, const fields& further = {},
                                                const std::string& as = authorization)
    {
        std::vector<std::unique_ptr<tool>> all;
        for (std::uint64_t n = 0; n < count; ++n)
        {
            all.push_back(asks("/@one" + path(n), further, as));
            run_until([&] { return cache->misses().report().flights + cache->misses().report().totals.sent > n; });
        }
        return all;
    }

    // Lets everything that can happen now happen.
    void settle()
    {
        for (int i = 0; i < 3; ++i) run_for_a_while();
    }
};

}  // namespace callcache::test
