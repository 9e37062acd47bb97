#include "cache/ledger_rows.hpp"

#include "cache/digest.hpp"

namespace callcache::sqlite
{
namespace
{

std::string_view view(const digest& d)
{
    return {reinterpret_cast<const char*>(d.data()), d.size()};
}

void put_seal(database& db)
{
    const digest d = digest_of(read_ledger(db));
    statement put(db, "UPDATE meta SET value = ?1 WHERE name = 'digest'");
    put.bind_blob(1, view(d)).run();
}

void check_seal(database& db, bool has_log)
{
    if (!has_log && db.integer("SELECT value FROM meta WHERE name = 'log'") != 0)
        throw failure(SQLITE_CORRUPT, "its WAL file (-wal) is missing, with what was written last");
    statement kept(db, "SELECT value FROM meta WHERE name = 'digest'");
    if (!kept.step() || kept.bytes(0) != view(digest_of(read_ledger(db))))
        throw failure(SQLITE_CORRUPT, "it does not hold what was written");
    kept.reset();
    end_log(db);
}

// Rolled back unless it is committed.
class transaction
{
public:
    explicit transaction(database& db) : db_(db) { db_.execute("BEGIN IMMEDIATE"); }
    ~transaction()
    {
        if (!sqlite3_get_autocommit(db_.handle())) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    void commit() { db_.execute("COMMIT"); }

private:
    database& db_;
};

}  // namespace

const seal ledger_seal{2, put_seal, check_seal};

ledger_page read_ledger(database& db)
{
    ledger_page page;
    auto number = [&](const char* name) {
        statement s(db, "SELECT value FROM meta WHERE name = ?1");
        s.bind(1, std::string_view(name));
        return s.step() ? s.integer(0) : 0;
    };
    page.time = from_micros(number("time"));
    page.wall = from_micros(number("wall"));
    page.steady = steady_time(std::chrono::nanoseconds(number("steady")));
    page.any_day_until = from_micros(number("any_day_until"));
    page.paused_until = from_micros(number("paused_until"));
    page.clean = number("clean") != 0;
    statement boot(db, "SELECT value FROM meta WHERE name = 'boot'");
    if (boot.step()) page.boot = boot.bytes(0);
    statement minutes(db, "SELECT at, count FROM minute WHERE count > 0 ORDER BY at");
    while (minutes.step()) page.spent.push_back({minutes.integer(0), minutes.integer(1)});
    statement shares(db, "SELECT at, tool, count FROM share WHERE count > 0 ORDER BY at, tool");
    while (shares.step()) page.shares.push_back({shares.integer(0), std::string(shares.bytes(1)), shares.integer(2)});
    return page;
}

ledger_writer::ledger_writer(database& db) :
    db_(db),
    put_meta_(db, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)"),
    put_minute_(db, "INSERT OR REPLACE INTO minute VALUES (?1, ?2)"),
    put_share_(db, "INSERT OR REPLACE INTO share VALUES (?1, ?2, ?3)"),
    drop_minutes_(db, "DELETE FROM minute WHERE at < ?1 OR count = 0"),
    drop_shares_(db, "DELETE FROM share WHERE at < ?1 OR count = 0")
{}

void ledger_writer::write(const ledger_page& page, const ledger_page& all)
{
    transaction writing(db_);
    put(page, all);
    writing.commit();
}

void ledger_writer::write_anew(const ledger_page& all)
{
    transaction writing(db_);
    db_.execute("DELETE FROM minute; DELETE FROM share");
    put(all, all);
    writing.commit();
}

void ledger_writer::put(const ledger_page& page, const ledger_page& all)
{
    auto value = [&](std::string_view name, std::int64_t v) { put_meta_.bind(1, name).bind(2, v).run(); };
    value("time", to_micros(page.time));
    value("wall", to_micros(page.wall));
    value("steady", std::chrono::nanoseconds(page.steady.time_since_epoch()).count());
    value("any_day_until", to_micros(page.any_day_until));
    value("paused_until", to_micros(page.paused_until));
    value("clean", page.clean);
    put_meta_.bind(1, std::string_view("boot")).bind(2, std::string_view(page.boot)).run();
    for (const auto& m : page.spent) put_minute_.bind(1, m.at).bind(2, m.count).run();
    for (const auto& s : page.shares) put_share_.bind(1, s.at).bind(2, std::string_view(s.tool)).bind(3, s.count).run();
    drop_minutes_.bind(1, page.oldest).run();
    drop_shares_.bind(1, page.oldest / 10).run();
    const digest d = digest_of(all);
    put_meta_.bind(1, std::string_view("digest")).bind_blob(2, view(d)).run();
}

void keep_log(database& db, bool keep)
{
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(keep), nullptr);
}

void begin_log(database& db)
{
    db.execute("UPDATE meta SET value = 1 WHERE name = 'log'");
    if (db.integer("PRAGMA wal_checkpoint(PASSIVE)") != 0)
        throw failure(SQLITE_BUSY, "what is in its log cannot be put into the file");
}

void end_log(database& db) noexcept
{
    keep_log(db, true);
    try
    {
        db.execute("UPDATE meta SET value = 0 WHERE name = 'log' AND value <> 0");
        keep_log(db, false);
    }
    catch (const std::exception&)
    {
        // The log stays, with all that is in it.
    }
}

}  // namespace callcache::sqlite
