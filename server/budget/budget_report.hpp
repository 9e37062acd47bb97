// What an operator sees of the budget.
#pragma once

#include "cache/ledger_state.hpp"
#include "cache/time.hpp"
#include "server/budget/shedding.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace callcache
{

struct budget_report
{
    std::uint64_t daily = 0, spent = 0, left = 0;
    shed_level shedding = shed_level::plenty;
    std::optional<duration> ends_in;  // at the pace of the last hour
    duration paused_for{};
    duration wait{};                              // of an interactive request of a new tool, until it would be sent
    std::size_t interactive = 0, background = 0;  // waiting
    std::map<std::string, std::uint64_t> tools;   // what each has spent of the day
    ledger_state ledger = ledger_state::durable;
};

}  // namespace callcache
