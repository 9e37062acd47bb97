// A thin hold on SQLite: handles that close themselves, and errors as one exception type that does not leave cache/.
#pragma once

#include "cache/journal.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace callcache::sqlite
{

// `code` is SQLite's extended result code.
struct failure : std::runtime_error
{
    int code;
    failure(int c, const std::string& text) : std::runtime_error(text), code(c) {}

    int primary() const { return code & 0xff; }
    bool is_corruption() const { return primary() == SQLITE_CORRUPT || primary() == SQLITE_NOTADB; }
};

struct closer
{
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

class database
{
public:
    // SQLITE_OPEN_… flags; `layer` names what reads and writes for it, null: SQLite's own. Throws failure.
    database(const std::string& path, int flags, const char* layer = nullptr);

    void execute(const char* sql);
    std::int64_t integer(const char* sql);  // the first column of the first row, or 0

    // Throws failure also where another connection stands in the way of it.
    void use(journal);
    sqlite3* handle() const { return db_.get(); }
    std::int64_t changes() const { return sqlite3_changes64(db_.get()); }

private:
    std::unique_ptr<sqlite3, closer> db_;
};

// A prepared statement, for one thread at a time.
class statement
{
public:
    statement(const database&, const char* sql);

    // Parameters count from 1. Text and blobs are not copied: they must live until the next reset.
    statement& bind(int at, std::int64_t value);
    statement& bind(int at, std::string_view text);
    statement& bind_blob(int at, std::string_view bytes);

    // True if there is a row. Throws failure.
    bool step();

    // Runs to the end and resets.
    void run();
    void reset();

    std::int64_t integer(int column) const { return sqlite3_column_int64(s_.get(), column); }
    std::string_view bytes(int column) const;  // text or blob, until the next step or reset

private:
    sqlite3* db_;
    std::unique_ptr<sqlite3_stmt, closer> s_;
};

// Resets on the way out, so that a read transaction does not stay open.
struct reset_after
{
    statement& s;
    ~reset_after() { s.reset(); }
};

}  // namespace callcache::sqlite
