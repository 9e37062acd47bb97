// Counts what tools were answered: how many requests, by route, outcome and tool, and how long their answers took.
//
// A hit may not wait for another front's: so each thread counts in rows of its own, with a plain load and store, and
// they are added up when somebody asks.
#pragma once

#include "server/http/outcome.hpp"
#include "server/text/tool_names.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
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

inline constexpr std::string_view calls_route = "calls", transcripts_route = "transcripts", details_route = "details",
                                  pass_route = "pass",
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

    // The calling thread's row. A lock: keep the row, and do not ask for each request. `route`: a route word, or the
    // pattern of a kept route. `tool`: as `names` has it; what was counted of those that have no place any more, or is
    // still to be counted in their rows, is other_tools'.
    std::shared_ptr<row> of(std::string_view route, std::string_view tool, const tool_names& names);

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
    using row_key = std::tuple<std::thread::id, std::string_view, std::string>;
    using row_ptr = std::shared_ptr<row>;

    void fold(const tool_names&);

    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> routes_;
    std::map<std::thread::id, times> times_;
    std::map<row_key, row_ptr> rows_;
    std::uint64_t folded_at_ = 0;  // the number of changes of tool_names

    // Of tools without a place: rows that somebody still counts in, and the sum of the others.
    std::list<std::pair<std::string_view, row_ptr>> left_;
    std::map<std::pair<std::string_view, outcome>, std::uint64_t> gone_;
};

}  // namespace callcache
