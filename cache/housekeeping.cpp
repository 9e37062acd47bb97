#include "cache/housekeeping.hpp"

#include "cache/file_system.hpp"
#include "cache/open_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>

namespace callcache::sqlite
{
namespace
{

// What is deleted in one transaction: no reader or writer shall wait 10 ms. A row of 1,100 bytes takes about 10 µs, and
// of a longer one each page is overwritten.
constexpr std::int64_t chunk_rows = 200;
constexpr std::int64_t chunk_bytes = 2 << 20;
constexpr std::int64_t chunk_pages = 256;
constexpr std::int64_t eviction_bytes_min = 64 << 10;  // at once, so that not every change evicts
constexpr std::int64_t row_bytes = 200;                // of a row beside its body, about

// What the files may take beyond the entries; and of that, what a transaction may not have written yet (SQLite's page
// cache, the longest row), together with one step.
constexpr std::uint64_t beyond_max = 64 << 20;
constexpr std::uint64_t unwritten_max = 16 << 20;
constexpr std::uint64_t free_max = 16 << 20;
constexpr std::uint64_t left_to_others = 16 << 20;  // of the disk: the ledger is one of them
constexpr std::uint64_t log_max = 16 << 20;         // as journal_size_limit

// Views of calls but `call` itself; of one of them, by its first letters. As the index entry_view has them.
constexpr std::string_view is_view = "name GLOB '[0-9]*[?]*'";
std::string is_view_of(call_view v)
{
    return std::string(is_view) + " AND substr(name, instr(name, '?') + 1, 7) = '" +
           std::string(word_of(v).substr(0, 7)) + "'";
}

constexpr duration partition_unused = std::chrono::hours(48);
constexpr duration forget_every = std::chrono::hours(1);

struct chunk
{
    std::int64_t rows = 0, last_id = 0;
    bool is_full = false;  // there may be more
};

// Deletes the first of the rows that `which` is true of, with the values of ?1 and so on, until `bytes` are reached.
chunk remove(row_writer& rows, const std::string& which, std::initializer_list<std::int64_t> values,
             std::int64_t bytes = chunk_bytes)
{
    statement s(rows.connection(), ("SELECT id, length(body) FROM entry WHERE " + which).c_str());
    int at = 0;
    for (std::int64_t value : values) s.bind(++at, value);
    chunk removed;
    std::string ids;
    for (; !removed.is_full && s.step(); removed.is_full = ++removed.rows == chunk_rows || bytes <= 0)
    {
        bytes -= s.integer(1) + row_bytes;
        removed.last_id = s.integer(0);
        ids += (ids.empty() ? "" : ",") + std::to_string(removed.last_id);
    }
    s.reset();
    if (removed.rows != 0) rows.remove(ids);
    return removed;
}

bool give_back_pages(database& db, std::int64_t at_least)
{
    if (db.integer("PRAGMA freelist_count") < at_least) return false;
    db.execute(("PRAGMA incremental_vacuum(" + std::to_string(chunk_pages) + ")").c_str());
    return true;
}

// After the purged rows have gone: what remains of them in free pages and in the log.
bool overwrite_purged(row_writer& rows)
{
    database& db = rows.connection();
    if (db.integer("SELECT value FROM meta WHERE name = 'forgets'") == 0) return false;
    if (give_back_pages(db, 1)) return true;
    // Frames that were written earlier stand in the log until it is cut. A reader can be in the way: then at another
    // time.
    if (rows.cut_log()) db.execute("UPDATE meta SET value = 0 WHERE name = 'forgets'");
    return false;
}

}  // namespace

bool housekeeping::has_room(std::uint64_t file_bytes) const
{
    const std::uint64_t free = options_.disk_free ? options_.disk_free() : free_bytes_at(options_.path);
    return file_bytes + unwritten_max <= options_.bytes_max + beyond_max && free >= unwritten_max + left_to_others;
}

bool housekeeping::step(row_writer& rows, wall_time wall)
{
    if (rows.log_bytes() > log_max && !rows.cut_log()) return false;
    database& db = rows.connection();
    const wall_time now = deletion_time(db, wall);
    const auto page = db.integer("PRAGMA page_size"), pages = db.integer("PRAGMA page_count");
    const bool is_large = std::uint64_t(pages * page) > options_.bytes_max + free_max;
    bool more = remove_purged(rows) || remove_views(rows) || overwrite_purged(rows) ||
                remove(rows, "sent_at < ?1 ORDER BY sent_at", {to_micros(now - options_.keep_max)}).is_full ||
                evict(rows, now - partition_unused) ||
                give_back_pages(db, is_large ? 1 : std::max(chunk_pages, pages / 20));
    // Only then the database's file gives back the pages that it has no more.
    if (!more && rows.log_bytes() > 0 && !has_room(rows.file_bytes())) rows.cut_log();
    if (std::chrono::abs(now - forgot_at_) >= forget_every) forget_unused(db, now);
    return more;
}

// Forgets what belongs to no entry any more. Also notes up to which time old rows were deleted.
void housekeeping::forget_unused(database& db, wall_time now)
{
    forgot_at_ = now;
    if (clock_)
    {
        statement note(db, "INSERT OR REPLACE INTO meta VALUES ('deleted_at', ?1)");
        note.bind(1, to_micros(clock_->at())).run();
    }
    statement forget(db, "DELETE FROM partition WHERE used_at < ?1 AND NOT EXISTS "
                         "(SELECT 1 FROM entry WHERE entry.partition = partition.id)");
    forget.bind(1, to_micros(now - options_.keep_max)).run();
    struct stat info;
    const std::string copy = corrupt_copy(options_.path);
    if (stat(copy.c_str(), &info) == 0 && now - wall_time(std::chrono::seconds(info.st_mtime)) > options_.keep_max)
        std::remove(copy.c_str());
}

// A file that does not say how far an earlier run was, was written no earlier than its newest entry.
wall_time housekeeping::deletion_time(database& db, wall_time now)
{
    if (!options_.steady) return now;
    if (!clock_)
    {
        auto noted = db.integer("SELECT ifnull((SELECT value FROM meta WHERE name = 'deleted_at'), "
                                "(SELECT max(sent_at) FROM entry))");
        clock_.emplace(noted == 0 ? now : from_micros(noted));
    }
    return clock_->follow({now, options_.steady()});
}

// The rows of older generations.
bool housekeeping::remove_purged(row_writer& rows)
{
    database& db = rows.connection();
    auto until = db.integer("SELECT value FROM meta WHERE name = 'purge_until'");
    if (until == 0) return false;
    auto generation = rows.generation();
    if (std::exchange(generation_, generation) != generation) purged_ = 0;
    chunk removed = remove(rows, "id > ?1 AND id <= ?2 AND generation < ?3 ORDER BY id", {purged_, until, generation});
    purged_ = removed.last_id;
    if (removed.is_full) return true;
    db.execute("UPDATE meta SET value = 0 WHERE name = 'purge_until'");
    return false;
}

// The index entry_view finds them: a start that has none to delete costs a look.
bool housekeeping::remove_views(row_writer& rows)
{
    for (; !dropped_views_.empty(); dropped_views_.erase(dropped_views_.begin()))
    {
        const std::string which = is_view_of(*dropped_views_.begin());
        if (rows.connection().integer(("SELECT EXISTS (SELECT 1 FROM entry WHERE " + which + ")").c_str()) == 0)
            continue;
        rows.forget_remains();
        if (remove(rows, which, {}).is_full) return true;
    }
    return false;
}

// Those that were asked for longest ago. While the other views have more than what calls leave them, one of theirs.
std::string housekeeping::last_used_first(row_writer& rows) const
{
    database& db = rows.connection();
    const auto views = std::uint64_t(db.integer("SELECT value FROM meta WHERE name = 'view_bytes'"));
    if (views <= options_.bytes_max - options_.bytes_max / kept_from_views) return " ORDER BY used_at";
    auto oldest = [&](call_view v) {
        return db.integer(
            ("SELECT ifnull(min(used_at), " + std::to_string(INT64_MAX) + ") FROM entry WHERE " + is_view_of(v))
                .c_str());
    };
    const bool is_transcript = oldest(call_view::transcript) <= oldest(call_view::details);
    return " AND " + is_view_of(is_transcript ? call_view::transcript : call_view::details) + " ORDER BY used_at";
}

// Entries of credentials that nobody uses any more go first.
bool housekeeping::evict(row_writer& rows, wall_time unused_since)
{
    const std::uint64_t bytes = rows.bytes();
    if (bytes <= options_.bytes_max) return false;
    const auto needed = std::clamp(std::int64_t(bytes - options_.bytes_max), eviction_bytes_min, chunk_bytes);
    // A mark that a credential may not read a call takes next to nothing, and without it that credential would read
    // what others may.
    const std::string entry = "NOT (" + std::string(is_mark) + ")";
    chunk removed = remove(rows, entry + " AND partition IN (SELECT id FROM partition WHERE used_at < ?1)",
                           {to_micros(unused_since)}, needed);
    if (removed.rows == 0) removed = remove(rows, entry + last_used_first(rows), {}, needed);
    evicted_ += std::uint64_t(removed.rows);
    return removed.rows > 0;
}

}  // namespace callcache::sqlite
