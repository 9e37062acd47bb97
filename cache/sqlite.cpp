#include "cache/sqlite.hpp"

namespace callcache::sqlite
{
namespace
{

[[noreturn]] void fail(sqlite3* db, int code)
{
    throw failure(db ? sqlite3_extended_errcode(db) : code, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

// Before anything else is done with SQLite: it counts the memory it uses under a lock that all threads share, and
// nobody asks for that.
void use_our_ways()
{
    static const int counted_no_more = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)counted_no_more;
}

}  // namespace

database::database(const std::string& path, int flags, const char* layer)
{
    use_our_ways();
    sqlite3* db = nullptr;
    int code = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, layer);
    db_.reset(db);
    if (code != SQLITE_OK) fail(db, code);
    sqlite3_busy_timeout(db, 2000);
    execute("PRAGMA temp_store = MEMORY");  // what is in a database is never written anywhere else
}

void database::execute(const char* sql)
{
    int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(db_.get(), code);
}

std::int64_t database::integer(const char* sql)
{
    statement s(*this, sql);
    return s.step() ? s.integer(0) : 0;
}

void database::use(journal j)
{
    std::string_view mode = j == journal::rollback ? "truncate" : "wal";
    if (j == journal::wal_alone) execute("PRAGMA locking_mode = EXCLUSIVE");
    statement change(*this, ("PRAGMA journal_mode = " + std::string(mode)).c_str());
    bool changed = change.step() && change.bytes(0) == mode;
    if (!changed) throw failure(SQLITE_BUSY, "the journal cannot be changed: " + std::string(change.bytes(0)));
}

statement::statement(const database& db, const char* sql) : db_(db.handle())
{
    sqlite3_stmt* s = nullptr;
    int code = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr);
    s_.reset(s);
    if (code != SQLITE_OK) fail(db_, code);
}

statement& statement::bind(int at, std::int64_t value)
{
    if (int code = sqlite3_bind_int64(s_.get(), at, value)) fail(db_, code);
    return *this;
}

statement& statement::bind(int at, std::string_view text)
{
    if (int code = sqlite3_bind_text64(s_.get(), at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8))
        fail(db_, code);
    return *this;
}

statement& statement::bind_blob(int at, std::string_view bytes)
{
    if (int code = sqlite3_bind_blob64(s_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC)) fail(db_, code);
    return *this;
}

bool statement::step()
{
    int code = sqlite3_step(s_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    failure f(sqlite3_extended_errcode(db_), sqlite3_errmsg(db_));
    sqlite3_reset(s_.get());
    throw f;
}

void statement::run()
{
    while (step())
    {}
    reset();
}

void statement::reset()
{
    sqlite3_reset(s_.get());
}

std::string_view statement::bytes(int column) const
{
    const void* data = sqlite3_column_blob(s_.get(), column);
    auto size = std::size_t(sqlite3_column_bytes(s_.get(), column));
    return {static_cast<const char*>(data), data ? size : 0};
}

}  // namespace callcache::sqlite
