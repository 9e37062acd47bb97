// How long the turns of a loop take that is polled by hand: one handler each, during which nothing else of the loop
// happens.
#pragma once

#include <boost/asio/io_context.hpp>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace callcache::bench
{

struct turn
{
    double ms = 0;       // without the time for which others took the core
    double core_ms = 0;  // on the core; the rest was spent waiting, as for a lock
    std::string scene;
    std::size_t number = 0;  // in the scene
    std::string about;
};

class turns
{
public:
    // `about` tells what has happened since it was called last.
    explicit turns(std::function<std::string()> about) : about_(std::move(about)) {}

    // Turns of a scene without a name are not among the longest.
    void begin(std::string scene)
    {
        scene_ = std::move(scene);
        ms_.clear();
        longest_core_ms_ = 0;
    }

    // One turn of the loop, if a handler is ready.
    bool take(boost::asio::io_context& loop)
    {
        about_();
        const long taken_before = core_taken();
        const double core_before = ms_of(CLOCK_THREAD_CPUTIME_ID), before = ms_of(CLOCK_MONOTONIC);
        if (loop.poll_one() == 0) return false;
        const double after = ms_of(CLOCK_MONOTONIC), core_after = ms_of(CLOCK_THREAD_CPUTIME_ID);
        const double core_ms = core_after - core_before, ms = after - before;
        keep(core_taken() == taken_before ? ms : core_ms, std::min(ms, core_ms));
        return true;
    }

    // Of the scene.
    std::size_t count() const { return ms_.size(); }
    double longest_core_ms() const { return longest_core_ms_; }
    double ms_at(double share) const
    {
        if (ms_.empty()) return 0;
        std::vector<double> sorted = ms_;
        auto at = sorted.begin() + std::ptrdiff_t(double(sorted.size() - 1) * share);
        std::nth_element(sorted.begin(), at, sorted.end());
        return *at;
    }

    // Of all scenes, the longest first.
    const std::vector<turn>& longest() const { return longest_; }

private:
    static constexpr std::size_t longest_max = 10;

    static double ms_of(clockid_t clock)
    {
        timespec t{};
        clock_gettime(clock, &t);
        return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
    }

    // How often the system took the core from this thread.
    static long core_taken()
    {
        rusage used{};
        getrusage(RUSAGE_THREAD, &used);
        return used.ru_nivcsw;
    }

    void keep(double ms, double core_ms)
    {
        ms_.push_back(ms);
        longest_core_ms_ = std::max(longest_core_ms_, core_ms);
        if (scene_.empty() || (longest_.size() == longest_max && ms <= longest_.back().ms)) return;
        turn t{ms, core_ms, scene_, ms_.size(), about_()};
        auto shorter = [&](const turn& other) { return other.ms < t.ms; };
        longest_.insert(std::find_if(longest_.begin(), longest_.end(), shorter), t);
        if (longest_.size() > longest_max) longest_.pop_back();
    }

    const std::function<std::string()> about_;
    std::string scene_;
    std::vector<double> ms_;
    double longest_core_ms_ = 0;
    std::vector<turn> longest_;
};

}  // namespace callcache::bench
