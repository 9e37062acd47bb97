// Writes what tools are answered, and has it counted and logged.
#pragma once

#include "config/live_settings.hpp"
#include "server/async/clock.hpp"
#include "server/fetch/lookup.hpp"
#include "server/front/response_context.hpp"
#include "server/http/cache_status.hpp"
#include "server/telemetry/log.hpp"
#include "server/telemetry/refused_tools.hpp"

#include <string_view>

namespace callcache
{

// Any front's thread. What it refers to outlives it.
class answer_writer
{
public:
    answer_writer(const live_settings& config, const clock_source& clock, log& out, refused_tools& refused) :
        config_(config),
        clock_(clock),
        out_(out),
        refused_(refused)
    {}

    // Adds Cache-Status and Via; the detail is the outcome's word unless `status` has one. Writes 304 if the tool's
    // copy is current.
    void write(response_context&, reply, outcome, cache_status status = {}) const;

    // What is kept, as it is at `now`. `detail`: in place of the outcome's word, or empty.
    void write_kept(response_context&, const entry_ptr&, outcome, std::string_view detail, wall_time now) const;

    // The head of a 200 whose body of so many bytes of JSON is written behind it.
    void write_head(response_context&, std::size_t body_bytes, outcome, cache_status, wall_time now) const;

    // What the fetcher has found. `reason`: why it was asked.
    void write_looked_up(response_context&, const looked_up&, why reason) const;

    // An answer has been given: it is counted, and logged if that is asked for.
    void note(const response_context&, unsigned status, outcome) const;

private:
    void write(response_context&, reply, const shared_bytes& body, outcome, cache_status) const;
    void note_refusal(const asker&, std::string_view why) const;

    const live_settings& config_;
    const clock_source& clock_;
    log& out_;
    refused_tools& refused_;
};

}  // namespace callcache
