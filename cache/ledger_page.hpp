// What the budget's ledger keeps, and what is written to it at once.
#pragma once

#include "cache/digest.hpp"
#include "cache/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace callcache
{

// Times are by the ledger's own clock (server/budget/ledger_clock.hpp).
struct ledger_page
{
    // Requests that were sent, or may have been, in a minute since 1970.
    struct minute
    {
        std::int64_t at = 0;
        std::int64_t count = 0;  // 0: the row goes
    };
    // Those of one tool, in ten minutes since 1970.
    struct share
    {
        std::int64_t at = 0;
        std::string tool;
        std::int64_t count = 0;
    };

    std::vector<minute> spent;  // oldest first; in a write the changed ones alone
    std::vector<share> shares;  // likewise
    std::int64_t oldest = 0;    // minutes before it are forgotten

    // When it was written, by three clocks (the wall clock as far as it was believed), and in which run of the machine
    // the steady one counts.
    wall_time time{};
    wall_time wall{};
    steady_time steady{};
    std::string boot;

    wall_time any_day_until{};  // the wall clock stepped: until then a day is any 25 hours
    wall_time paused_until{};   // as the vendor asked
    bool clean = false;         // written by a stop: nothing was sent after it
};

// What the ledger holds after `page` was written to it. If memory runs out, `into` is as it was.
void merge(ledger_page& into, ledger_page page);

// Of all that is kept of it: everything but `oldest`.
digest digest_of(const ledger_page&);

}  // namespace callcache
