// The budget's ledger where the configuration says that it is, with the lock on it.
#pragma once

#include "cache/file_lock.hpp"
#include "cache/ledger.hpp"
#include "config/settings.hpp"
#include "server/async/clock.hpp"
#include "server/telemetry/log.hpp"

#include <optional>
#include <string>
#include <variant>

namespace callcache
{

// ":memory:" if the ledger does not outlive the process.
std::string ledger_path(const settings&);

struct opened_ledger
{
    std::optional<file_lock> lock;  // held for longer than the ledger is open
    std::unique_ptr<ledger> book;
};

// Another process owns the budget.
struct ledger_in_use
{
    std::string path, by;
};

// The last: the operator's line that says why it cannot be opened.
using ledger_opening = std::variant<opened_ledger, ledger_in_use, std::string>;
ledger_opening open_ledger(const settings&, const clock_source&, log&);

}  // namespace callcache
