// Stands before the log: sums up what floods it, counts, and remembers the last warnings and errors.
#pragma once

#include "server/async/clock.hpp"
#include "server/telemetry/log.hpp"
#include "server/telemetry/log_limiter.hpp"
#include "server/telemetry/recent_errors.hpp"

#include <mutex>

namespace callcache
{

// Any thread; a short lock for warnings and errors alone.
class log_watch final : public log
{
public:
    log_watch(log& behind, const clock_source& clock) : behind_(behind), clock_(clock) {}
    ~log_watch() override { finish(); }

    bool wants(log_level l) const override { return behind_.wants(l); }
    void write(log_level, std::string_view text, const std::vector<log_field>& fields) override;

    void use(log_level l) override { behind_.use(l); }
    std::uint64_t dropped() const override { return behind_.dropped(); }

    // Now and then: what was summed up is written when its time is over.
    void look();
    void finish();  // all of it, at once

    struct report
    {
        std::uint64_t warnings = 0, errors = 0;
        std::uint64_t lines_dropped = 0;
        std::vector<recent_error> recent;
    };
    report current() const;

private:
    void look(steady_time now);
    void write_summaries(const std::vector<log_limiter::summary>&);

    log& behind_;
    const clock_source& clock_;
    mutable std::mutex mutex_;
    log_limiter limiter_;
    recent_errors recent_;
    std::uint64_t warnings_ = 0, errors_ = 0;
};

}  // namespace callcache
