// What a lookup would meet on its way upstream.
#pragma once

#include "server/budget/refusal.hpp"

#include <optional>

namespace callcache
{

// Why no flight is begun.
struct obstacle
{
    enum class what
    {
        none,
        offline,   // nothing goes upstream
        stopping,  // callcache is
        refused,   // the vendor has just refused the credential
        failing,   // the vendor has just said no to this id, and would say so again
        down,      // upstream is
        limited,   // the budget says no
    };
    what is = what::none;
    duration wait{};            // refused, failing, down: until it is asked again
    unsigned status = 0;        // failing: the vendor's
    std::optional<refusal> no;  // limited
};

// As it is now; who comes next may change it.
struct forecast
{
    obstacle before_it;
    duration wait{};            // until it would be sent, if there is no obstacle
    bool is_under_way = false;  // somebody has asked, and it would be answered with them
    bool refreshes = false;     // what serves while it is stale would be refreshed
    bool stretched = false;     // the day's budget is
    bool is_up = true;
    duration paused_for{};  // the vendor's 429
};

}  // namespace callcache
