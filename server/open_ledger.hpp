// The budget's ledger where the configuration says that it is, with the lock on it.
#pragma once

#include "cache/data_files.hpp"
#include "cache/ledger.hpp"
#include "config/settings.hpp"
#include "server/async/clock.hpp"
#include "server/telemetry/log.hpp"

#include <memory>
#include <string>
#include <variant>

namespace callcache
{

// Another process owns the budget.
struct ledger_in_use
{
    std::string path, by;
};

// The last: the operator's line that says why it cannot be opened.
using ledger_opening = std::variant<std::unique_ptr<ledger>, ledger_in_use, std::string>;
ledger_opening open_ledger(const settings&, const data_files&, const clock_source&, log&);

}  // namespace callcache
