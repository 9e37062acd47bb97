// Which alerts are due.
//
// At 75 %, 90 % and 100 % of the day's API calls; at the vendor's 429 while callcache is within its budget; when Gong
// is down for a minute, and when it is back. Each of the first four comes at most once in 24 hours, also where
// callcache is started again in between; an outage has one alert, and one at its end. Where the day has passed several
// bounds at once, the highest one is told.
//
// No alert holds anything of a call, an id, a tool's name or a credential.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

enum class alert_kind
{
    spent_75,
    spent_90,
    spent_100,
    refused,  // the vendor's 429
    down,
    back,
};

struct alert
{
    alert_kind what;
    std::string text;
    wall_time at{};
};

// When each was told last. `down` is there until Gong is back; `back` never is.
using alert_memory = std::map<alert_kind, wall_time>;

// As it is written down, a line each. What is not understood is left out.
std::string text_of(const alert_memory&);
alert_memory read_alert_memory(std::string_view text);

// It was told: also the bounds below that of the day are then.
void remember(alert_memory&, alert_kind, wall_time at);

struct alert_facts
{
    std::uint64_t daily = 0, spent = 0, left = 0;  // `daily` 0: there is no limit
    std::optional<duration> ends_in;               // at the pace of the last hour
    duration wait{};                               // until a request that came now would be sent
    duration paused_for{};                         // as the vendor asked
    bool is_up = true;
    std::uint64_t refusals = 0;  // the vendor's 429s since the start
    std::uint64_t answers = 0;   // since the start, all but those that say that it is down
};

// Pure; one thread.
class alert_rules
{
public:
    static constexpr auto again_after = std::chrono::hours(24);
    static constexpr auto down_for = std::chrono::minutes(1);

    // `told`: what was told before the start.
    explicit alert_rules(alert_memory told) : told_(std::move(told)) {}

    // Now and then, every few seconds: the alerts that are due. Each is returned once.
    std::vector<alert> look(const alert_facts&, moment now);

private:
    bool was_told(alert_kind, wall_time now) const;
    std::optional<alert> of_the_day(const alert_facts&, wall_time now) const;
    std::optional<alert> of_a_429(const alert_facts&, wall_time now);
    std::optional<alert> of_an_outage(const alert_facts&, moment now);

    alert_memory told_;
    std::uint64_t refusals_ = 0;
    std::optional<moment> down_since_;
};

}  // namespace callcache
