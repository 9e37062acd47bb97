// What `callcache check --live` finds out from the vendor itself, with at most two API calls: the way there, the
// credential, and whether the credential may read in bulk.
//
// Its caller holds the ledger's lock for as long as it runs, so that window, day and pause hold over it and over
// whatever starts next. While a callcache runs, that one has the lock, and the check sends nothing.
#pragma once

#include "config/settings.hpp"
#include "server/async/clock.hpp"
#include "server/budget/daily_quota.hpp"
#include "server/open_ledger.hpp"
#include "server/upstream/transport.hpp"

#include <functional>
#include <string>
#include <variant>

namespace callcache
{

struct live_check
{
    executor loop;
    const settings& config;
    const clock_source& clock;
    destination to;
    std::string authorization;                // empty: there is none, and the check ends with TLS
    std::string id;                           // of the call to look up; empty: one of the last day
    std::variant<ledger*, std::string> book;  // or why no API call may be spent
    calendar day;                             // budget.day
    std::function<void(const std::string& line)>
        say;  // one for each step: "TLS: ok: …", "TLS: failed: why; what to do"

    // True if nothing failed. The ledger's last page is written before it ends.
    task<bool> run();
};

}  // namespace callcache
