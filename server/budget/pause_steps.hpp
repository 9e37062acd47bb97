// Which of the vendor's pauses are worth a line of the log: each that begins or becomes longer, and the end of all of
// them once no further one has come for a while. A 429 that comes again and again makes many short ones.
#pragma once

#include "cache/time.hpp"

#include <optional>

namespace callcache
{

// Pure; one thread.
class pause_steps
{
public:
    static constexpr auto over_after = std::chrono::seconds(10);  // without a pause

    // Nothing is sent until then. True if that is to be said.
    bool note(steady_time until, steady_time now)
    {
        if (!until_) began_ = now;
        if (until_ && until < *until_ + std::chrono::seconds(1)) return false;
        until_ = until;
        return true;
    }

    // When to look whether it is over; nothing if nothing is paused.
    std::optional<steady_time> next_look() const { return until_ ? std::optional(*until_ + over_after) : std::nullopt; }

    // How long all of it took, if its end is to be said now.
    std::optional<steady_time::duration> over(steady_time now)
    {
        if (!until_ || now < *next_look()) return std::nullopt;
        const steady_time::duration took = *until_ - began_;
        until_.reset();
        return took;
    }

    // The operator has ended it, and knows.
    void resumed() { until_.reset(); }

private:
    std::optional<steady_time> until_;  // as it was said
    steady_time began_{};
};

}  // namespace callcache
