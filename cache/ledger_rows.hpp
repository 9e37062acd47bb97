// The rows of the budget's ledger, and its seal: a digest of all that they say, which is written with each page. So a
// row that is not as a page has left it, or that is not there any more, is seen when the ledger is opened.
//
// The seal is of the file and its WAL together. So that a WAL that was removed after a kill is missed too, the file
// itself says (`log`) whether what was written last may stand in a WAL alone.
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

    // Whatever the ledger held until now.
    void write_anew(const ledger_page& all);

private:
    void put(const ledger_page&, const ledger_page& all);

    database& db_;
    statement put_meta_, put_minute_, put_share_, drop_minutes_, drop_shares_;
};

// True: the WAL stays when the database is closed. False, as with SQLite itself: its content goes into the file, and
// whatever is called like it is removed.
void keep_log(database&, bool);

// From now on what is written may stand in the WAL alone. Throws failure.
void begin_log(database&);

// The file is to be whole without its WAL, which goes when the database is closed. It stays if that cannot be written.
void end_log(database&) noexcept;

}  // namespace callcache::sqlite
