// The rows of the budget's ledger, and its seal: a digest of all rows, written with each page. The opening checks it,
// so a changed or missing row is found.
//
// The seal covers the file and its WAL. The row `log` says that the last writes may be in the WAL alone, so a missing
// WAL is found too.
#pragma once

#include "cache/ledger_page.hpp"
#include "cache/schema.hpp"

namespace callcache::sqlite
{

extern const seal ledger_seal;

// All that the ledger holds. Throws failure.
ledger_page read_ledger(database&);

// One thread; the database outlives it. Each write is a transaction of its own; all of them throw failure.
class ledger_writer
{
public:
    explicit ledger_writer(database&);

    // `all`: what the ledger holds with `page` in it.
    void write(const ledger_page& page, const ledger_page& all);

    // Replaces everything in the ledger.
    void write_anew(const ledger_page& all);

private:
    void put(const ledger_page&, const ledger_page& all);

    database& db_;
    statement put_meta_, put_minute_, put_share_, drop_minutes_, drop_shares_;
};

// True: closing the database leaves the WAL. False, SQLite's default: closing puts the WAL's content into the file, and
// removes whatever file has the WAL's name.
void keep_log(database&, bool);

// From now on what is written may stand in the WAL alone. Throws failure.
void begin_log(database&);

// Marks the file as whole without its WAL, which then goes when the database is closed. If the mark cannot be written,
// the WAL stays.
void end_log(database&) noexcept;

}  // namespace callcache::sqlite
