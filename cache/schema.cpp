#include "cache/schema.hpp"

#include "cache/ledger_rows.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace callcache::sqlite
{
namespace
{

// A step that was released is never changed.
//
// entry is a rowid table with a unique index, not WITHOUT ROWID: with bodies of a kilobyte inline that reads in a third
// of the time, writes three times as fast, and is a third of the size. `used_at` and `sent_at` find what to evict and
// what has expired. `checksum` is over everything else in the row but used_at
// and source.
constexpr std::array cache_steps{
    R"(CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
       CREATE TABLE partition (
           id INTEGER PRIMARY KEY,
           name BLOB NOT NULL UNIQUE,
           confirmed_at INTEGER NOT NULL,
           used_at INTEGER NOT NULL);
       CREATE TABLE entry (
           id INTEGER PRIMARY KEY,
           partition INTEGER NOT NULL,
           name TEXT NOT NULL,
           generation INTEGER NOT NULL,
           sent_at INTEGER NOT NULL,
           used_at INTEGER NOT NULL,
           fresh_for INTEGER NOT NULL,
           missing_since INTEGER NOT NULL,
           flags INTEGER NOT NULL,
           content_type TEXT NOT NULL,
           etag TEXT NOT NULL,
           checksum BLOB NOT NULL,
           body BLOB NOT NULL);
       CREATE UNIQUE INDEX entry_key ON entry (partition, name);
       CREATE INDEX entry_used_at ON entry (used_at);
       CREATE INDEX entry_sent_at ON entry (sent_at);
       INSERT INTO meta VALUES ('salt', randomblob(32)), ('generation', 1), ('purge_until', 0);)",
    // What was erased, and who may not read in bulk; and rows that say no more than that nothing may be kept, which an
    // older callcache does not know.
    R"(INSERT INTO meta VALUES ('erased_at', 0), ('erasing_since', 0), ('forgets', 0);
       ALTER TABLE partition ADD COLUMN no_bulk_until INTEGER NOT NULL DEFAULT 0;)",
    // What is_own() is true of, which is read at the start where a company's keys share what is kept.
    R"(CREATE INDEX entry_own ON entry (partition, name, generation, sent_at) WHERE flags <> 0;)",
    // Which answer it came with, for who asks why; an older row came with a lookup, as far as is known.
    R"(ALTER TABLE entry ADD COLUMN source INTEGER NOT NULL DEFAULT 0;)",
    // The views of calls but `call` itself, by the first letters of their words (call_view.hpp), so that one of them
    // can be deleted, and by their use. How many bytes their bodies take in the file, as `call` has a part of its own.
    // How long a compressed body is without that (body_coding.hpp); 0: it is not, as in an older row.
    R"(ALTER TABLE entry ADD COLUMN plain_bytes INTEGER NOT NULL DEFAULT 0;
       CREATE INDEX entry_view ON entry (substr(name, instr(name, '?') + 1, 7), used_at) WHERE name GLOB '[0-9]*[?]*';
       INSERT INTO meta SELECT 'view_bytes', ifnull(sum(length(body)), 0) FROM entry WHERE name GLOB '[0-9]*[?]*';
       CREATE TRIGGER view_kept AFTER INSERT ON entry WHEN new.name GLOB '[0-9]*[?]*' BEGIN
           UPDATE meta SET value = value + length(new.body) WHERE name = 'view_bytes';
       END;
       CREATE TRIGGER view_changed AFTER UPDATE OF body ON entry WHEN new.name GLOB '[0-9]*[?]*' BEGIN
           UPDATE meta SET value = value + length(new.body) - length(old.body) WHERE name = 'view_bytes';
       END;
       CREATE TRIGGER view_gone AFTER DELETE ON entry WHEN old.name GLOB '[0-9]*[?]*' BEGIN
           UPDATE meta SET value = value - length(old.body) WHERE name = 'view_bytes';
       END;)",
};
constexpr std::array cache_probes{
    "SELECT count(*) FROM sqlite_schema",
    "SELECT 1 + count(*) FROM partition",
    "SELECT 1 + ifnull(max(id), 0) FROM entry",
    "SELECT count(*) = 7 FROM meta WHERE name IN ('salt', 'generation', 'purge_until', 'erased_at', 'erasing_since', "
    "'forgets', 'view_bytes')",
};

// `minute.at` is in minutes since 1970, `share.at` in ten minutes.
constexpr std::array ledger_steps{
    R"(CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
       CREATE TABLE minute (at INTEGER PRIMARY KEY, count INTEGER NOT NULL);
       CREATE TABLE share (
           at INTEGER NOT NULL,
           tool TEXT NOT NULL,
           count INTEGER NOT NULL,
           PRIMARY KEY (at, tool)) WITHOUT ROWID;
       INSERT INTO meta VALUES ('time', 0), ('wall', 0), ('steady', 0), ('boot', ''), ('any_day_until', 0),
           ('paused_until', 0), ('clean', 1);)",
    // What cache/ledger_rows.hpp seals it with.
    R"(INSERT INTO meta VALUES ('digest', x''), ('log', 0);)",
};
constexpr std::array ledger_probes{
    "SELECT count(*) FROM sqlite_schema",
    "SELECT count(*) = 9 FROM meta",
    "SELECT 1 + count(*) FROM minute WHERE count >= 0",
    "SELECT 1 + count(*) FROM share WHERE count >= 0",
};

}  // namespace

const schema& cache_schema()
{
    static const schema s{"the database", "a callcache database", "--db FILE", 0x43436163, cache_steps,
                          cache_probes};  // "CCac"
    return s;
}

const schema& ledger_schema()
{
    static const schema s{"the budget's ledger",
                          "a ledger of callcache's",
                          "--set budget.path=FILE",
                          0x4343626c,
                          ledger_steps,  // "CCbl"
                          ledger_probes,
                          &ledger_seal};
    return s;
}

std::optional<file_kind> kind_of(const std::string& path, const schema& of)
{
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (!file) return errno == ENOENT ? std::optional(file_kind::absent) : std::nullopt;
    unsigned char header[100] = {};
    std::size_t read = std::fread(header, 1, sizeof header, file.get());
    if (read == 0) return std::ferror(file.get()) ? std::nullopt : std::optional(file_kind::empty);
    // The database file format, sections 1.3 and 1.3.16: the application id is big-endian at offset 68.
    std::uint32_t id =
        std::uint32_t(header[68]) << 24 | std::uint32_t(header[69]) << 16 | std::uint32_t(header[70]) << 8 | header[71];
    bool ours = read == sizeof header && std::memcmp(header, "SQLite format 3", 16) == 0 &&
                id == std::uint32_t(of.application_id);
    return ours ? file_kind::ours : file_kind::foreign;
}

void migrate(database& db, const schema& to)
{
    auto version = db.integer("PRAGMA user_version");
    if (version == to.version()) return;
    if (version == 0) db.execute("PRAGMA auto_vacuum = INCREMENTAL");  // before the first table, or it has no effect
    db.execute("BEGIN IMMEDIATE");
    for (auto at = version; at < to.version(); ++at) db.execute(to.steps[std::size_t(at)]);
    if (to.sealed && version < to.sealed->since) to.sealed->put(db);
    db.execute(("PRAGMA application_id = " + std::to_string(to.application_id)).c_str());
    db.execute(("PRAGMA user_version = " + std::to_string(to.version())).c_str());
    db.execute("COMMIT");
}

}  // namespace callcache::sqlite
