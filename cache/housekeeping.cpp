#include "cache/housekeeping.hpp"

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

// Rows deleted in one transaction. A row of 1,100 bytes takes about 10 µs, and no reader or writer shall wait 10 ms.
constexpr std::int64_t chunk_rows = 200;
constexpr std::int64_t chunk_pages = 256;
constexpr duration partition_unused = std::chrono::hours(48);
constexpr duration forget_every = std::chrono::hours(1);

struct chunk
{
    std::int64_t rows = 0, last_id = 0;
};

// Deletes the first of the rows that `which` is true of, with the values of ?1 and so on.
chunk remove(row_writer& rows, const std::string& which, std::initializer_list<std::int64_t> values)
{
    statement s(rows.connection(),
                ("SELECT id FROM entry WHERE " + which + " LIMIT " + std::to_string(chunk_rows)).c_str());
    int at = 0;
    for (std::int64_t value : values) s.bind(++at, value);
    chunk removed;
    std::string ids;
    for (; s.step(); ++removed.rows)
    {
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
bool overwrite_purged(database& db)
{
    if (db.integer("SELECT value FROM meta WHERE name = 'forgets'") == 0) return false;
    if (give_back_pages(db, 1)) return true;
    // Frames that were written earlier stand in the log until it is cut. A reader can be in the way: then at another
    // time.
    if (db.integer("PRAGMA wal_checkpoint(TRUNCATE)") == 0)
        db.execute("UPDATE meta SET value = 0 WHERE name = 'forgets'");
    return false;
}

}  // namespace

bool housekeeping::step(row_writer& rows, wall_time now)
{
    database& db = rows.connection();
    bool more =
        remove_purged(rows) || overwrite_purged(db) ||
        remove(rows, "sent_at < ?1 ORDER BY sent_at", {to_micros(now - options_.keep_max)}).rows == chunk_rows ||
        evict(rows, now - partition_unused) ||
        give_back_pages(db, std::max(chunk_pages, db.integer("PRAGMA page_count") / 20));
    if (now - forgot_at_ < forget_every) return more;
    forgot_at_ = now;
    statement forget(db, "DELETE FROM partition WHERE used_at < ?1 AND NOT EXISTS "
                         "(SELECT 1 FROM entry WHERE entry.partition = partition.id)");
    forget.bind(1, to_micros(now - options_.keep_max)).run();
    struct stat info;
    const std::string copy = corrupt_copy(options_.path);
    if (stat(copy.c_str(), &info) == 0 && now - wall_time(std::chrono::seconds(info.st_mtime)) > options_.keep_max)
        std::remove(copy.c_str());
    return more;
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
    if (removed.rows == chunk_rows) return true;
    db.execute("UPDATE meta SET value = 0 WHERE name = 'purge_until'");
    return false;
}

// Entries of credentials that nobody uses any more go first, then those that were asked for longest ago.
bool housekeeping::evict(row_writer& rows, wall_time unused_since)
{
    if (rows.bytes() <= options_.bytes_max) return false;
    // A mark that a credential may not read a call takes next to nothing, and without it that credential would read
    // what others may.
    const std::string entry = "NOT (" + std::string(is_mark) + ")";
    chunk removed = remove(rows, entry + " AND partition IN (SELECT id FROM partition WHERE used_at < ?1)",
                           {to_micros(unused_since)});
    if (removed.rows == 0) removed = remove(rows, entry + " ORDER BY used_at", {});
    evicted_ += std::uint64_t(removed.rows);
    return removed.rows > 0;
}

}  // namespace callcache::sqlite
