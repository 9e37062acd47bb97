// The budget's ledger: what was spent, so that no restart, crash or power cut makes it look less. An interface, so that
// several proxies can share one budget through a remote ledger later.
#pragma once

#include "cache/file_lock.hpp"
#include "cache/ledger_page.hpp"
#include "cache/ledger_state.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace callcache
{

class ledger
{
public:
    // What came of it. Must not throw.
    using written = std::function<void(ledger_state)>;

    // Writes what is queued.
    virtual ~ledger() = default;

    // As it was at the opening. `clean` is false if requests may have been sent that nobody wrote down the end of.
    virtual const ledger_page& kept() const = 0;

    // Any thread; in order. Waits for no disk: `done` is called from a thread of the ledger's, or at once.
    virtual void write(ledger_page, written done) = 0;
};

struct ledger_options
{
    std::string path;
    std::function<void(const std::string&)> warn, error;  // any thread
    std::uint64_t daily = 0;                              // what counts as spent if the file was corrupt
    wall_time now{};
    std::optional<file_lock> lock = {};  // held as long as the ledger is open; none: nobody else opens it
};

// The operator's line: it cannot be opened, why, and the ways out.
struct ledger_refused
{
    std::string text;
};

// A file of its own, with a thread and a connection of its own.
std::variant<std::unique_ptr<ledger>, ledger_refused> open_sqlite_ledger(ledger_options);

// Remembers nothing beyond the process.
std::unique_ptr<ledger> make_memory_ledger();

}  // namespace callcache
