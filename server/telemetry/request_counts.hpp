// Counts what tools were answered: how many requests, by route, outcome and tool, and how long their answers took.
//
// A hit may not wait for another front's: so each thread counts in rows of its own, with a plain load and store, and
// they are added up when somebody asks.
#pragma once

#include "server/http/outcome.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace callcache
{

// A longer one stands in `count` and `sum_seconds` alone.
inline constexpr std::array latency_bounds_seconds{0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1,
                                                   0.5,    1.0,    2.5,   5.0,   10.0,  30.0};

struct latency
{
    // Not cumulative: the number of those up to each of latency_bounds_seconds, and above the one before it.
    std::vector<std::uint64_t> within = std::vector<std::uint64_t>(latency_bounds_seconds.size());
    std::uint64_t count = 0;
    double sum_seconds = 0;
};

struct request_totals
{
    // By route word, outcome and tool. The words live as long as the request_counts.
    std::map<std::tuple<std::string_view, outcome, std::string>, std::uint64_t> requests;
    std::map<outcome, latency> seconds;
};

inline constexpr std::string_view calls_route = "calls", pass_route = "pass",
                                  invalid_route = "invalid";  // refused before it was understood

class request_counts
{
    struct times;

public:
    // A thread's own count of the answers to one tool on one route.
    class row
    {
    public:
        explicit row(times& t) : times_(t) {}

        // The thread alone that asked for the row.
        void add(outcome, std::chrono::nanoseconds took);

    private:
        friend class request_counts;
        std::array<std::atomic<std::uint64_t>, outcome_count> requests_{};
        times& times_;
    };

    // The calling thread's row; good as long as this. A lock: keep the row, and do not ask for each request. `route`:
    // a route word, or the pattern of a kept route. `tool`: by name_in().
    row& of(std::string_view route, std::string_view tool);

    // Any thread.
    request_totals total() const;

private:
    struct times
    {
        struct histogram
        {
            std::array<std::atomic<std::uint64_t>, latency_bounds_seconds.size()> within{};
            std::atomic<std::uint64_t> count{0}, nanoseconds{0};
        };
        std::array<histogram, outcome_count> by_outcome;
    };
    using row_key = std::tuple<std::thread::id, std::string_view, std::string_view>;

    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> routes_, tools_;
    std::map<std::thread::id, times> times_;
    std::map<row_key, row> rows_;
};

}  // namespace callcache
