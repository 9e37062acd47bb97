// Why the budget says no, and in which words a tool is told.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace callcache
{

struct refusal
{
    enum class reason
    {
        paused,      // the vendor asked everyone to wait
        day_spent,   // nothing is left of the day, but for those who wait already
        tool_spent,  // the tool has had its share
        reserved,    // what is left of the day is for interactive tools
        too_long,    // the queue is longer than the tool may wait
        too_late,    // it waited, and its turn did not come in time, or cannot any more
        queue_full,
        newcomer,  // the vendor has never accepted the credential, and what such may cost is spent
        left,      // nobody seemed to wait for it any more
        not_ours,  // the budget may be another process's by now: nothing is sent any more
    };
    reason why = reason::too_long;
    duration wait{};          // until it would be its turn, if nobody else arrives
    duration allowed{};       // too_long: how long it may wait; too_late: still
    duration within{};        // too_late: how long it might have waited in all
    std::string_view bound;   // too_late: what says so, a key or the field
    std::uint64_t left = 0;   // of the day
    std::uint64_t cap = 0;    // tool_spent: its share
    std::string tool;         // tool_spent
    std::size_t waiting = 0;  // queue_full: requests
    std::size_t parts = 0;    // likewise: calls that reads of several ask for, of which a hundred are one request
};

// One that nobody seems to wait for any more.
inline refusal nobody_waits()
{
    refusal r;
    r.why = refusal::reason::left;
    return r;
}

// What happened, until when, and what can be done about it.
std::string words_of(const refusal&, const budget_settings&, wall_time now);

// The same for the log, in few words, which are the same each time; empty where nobody was refused.
std::string_view short_words_of(refusal::reason);

// Until it makes sense to ask again; at most a year or so.
duration wait_of(const refusal&);

}  // namespace callcache
