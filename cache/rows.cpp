#include "cache/rows.hpp"

#include "cache/body_coding.hpp"
#include "cache/digest.hpp"
#include "cache/nowait_vfs.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace callcache::sqlite
{
namespace
{

constexpr int negative_flag = 1;
constexpr int private_flag = 2;
constexpr int passed_flag = 4;
constexpr std::size_t checksum_bytes = 8;

// What is longer takes its time to be read, inflated and summed up, also from memory.
constexpr std::size_t unwaited_bytes_max = 64 << 10;
constexpr int wait_max = 2000, short_wait_max = 10;        // for others, in milliseconds
constexpr duration touch_step = std::chrono::minutes(10);  // recency is not written more precisely than this

// SQL that is true of the path ?1 with any query: the character after '?' is '@'.
constexpr std::string_view has_query_of_1 = "name >= ?1 || '?' AND name < ?1 || '@'";

int flags_of(const entry& e)
{
    return (e.is_negative ? negative_flag : 0) | (e.is_private ? private_flag : 0) | (e.is_passed ? passed_flag : 0);
}

// In the file: 0 lookup, 1 bulk, 2 list.
source source_of(std::int64_t written)
{
    return written == 1 ? source::bulk : written == 2 ? source::list : source::lookup;
}

// Over everything that is served or decided upon, each part with its length.
std::string checksum(key_view key, const entry& e)
{
    std::string bytes;
    bytes.reserve(e.body.size() + 256);
    auto number = [&](std::int64_t n) { bytes.append(reinterpret_cast<const char*>(&n), sizeof n); };
    auto text = [&](std::string_view t) {
        number(std::int64_t(t.size()));
        bytes += t;
    };
    number(key.partition);
    text(key.name);
    number(to_micros(e.sent_at));
    number(e.fresh_for.count());
    number(to_micros(e.missing_since));
    number(flags_of(e));
    text(e.content_type);
    text(e.etag);
    text(e.body);
    digest d = sha256(bytes);
    return std::string(reinterpret_cast<const char*>(d.data()), checksum_bytes);
}

std::uint64_t size_of(const std::string& path)
{
    struct stat info;
    return stat(path.c_str(), &info) == 0 ? std::uint64_t(info.st_size) : 0;
}

std::string_view view(const digest& d)
{
    return {reinterpret_cast<const char*>(d.data()), d.size()};
}

}  // namespace

row_reader::row_reader(const std::string& path, patience how) :
    how_(how),
    db_(path, SQLITE_OPEN_READONLY, how == patience::never ? nowait_layer() : nullptr),
    find_(db_, ("SELECT sent_at, fresh_for, missing_since, flags, content_type, etag, checksum, body, source, "
                "plain_bytes FROM entry WHERE name = ?1 AND partition = ?2 AND generation = ?3" +
                (how == patience::never ? " AND max(length(body), plain_bytes) <= " + std::to_string(unwaited_bytes_max)
                                        : ""))
                   .c_str())
{
    if (how != patience::never) return;
    sqlite3_busy_timeout(db_.handle(), 0);
    db_.execute("PRAGMA cache_size = -6144");  // in KiB: of a million rows, what stands above the leaves
}

row_reader::outcome row_reader::find(key_view key, std::int64_t generation)
{
    if (how_ == patience::waits) return read(key, generation);
    nowait_vfs here;
    return read(key, generation);
}

row_reader::outcome row_reader::read(key_view key, std::int64_t generation)
{
    reset_after guard{find_};
    find_.bind(1, key.name).bind(2, key.partition).bind(3, generation);
    if (!find_.step()) return {};
    auto e = std::make_shared<entry>();
    e->sent_at = from_micros(find_.integer(0));
    e->fresh_for = duration(find_.integer(1));
    e->missing_since = from_micros(find_.integer(2));
    e->is_negative = find_.integer(3) & negative_flag;
    e->is_private = find_.integer(3) & private_flag;
    e->is_passed = find_.integer(3) & passed_flag;
    e->content_type = find_.bytes(4);
    e->etag = find_.bytes(5);
    const std::int64_t plain_bytes = find_.integer(9);
    std::optional<std::string> body(find_.bytes(7));
    if (plain_bytes != 0) body = decompressed(*body, plain_bytes);
    e->body = body.value_or(std::string());
    e->from = source_of(find_.integer(8));
    bool sound = body && find_.integer(3) == flags_of(*e) && find_.bytes(6) == checksum(key, *e);
    if (!sound) return {nullptr, true, e->sent_at};
    return {std::move(e), false, {}};
}

std::vector<std::string> row_reader::queries_of(std::string_view path, std::int64_t generation, std::size_t max)
{
    std::vector<std::string> names;
    statement s(db_, ("SELECT DISTINCT name FROM entry WHERE partition IN (SELECT id FROM partition) AND " +
                      std::string(has_query_of_1) + " AND generation = ?2")
                         .c_str());
    for (s.bind(1, path).bind(2, generation); names.size() < max && s.step();) names.emplace_back(s.bytes(0));
    return names;
}

row_writer::row_writer(const std::string& path, journal j) :
    path_(path),
    db_([&] {
        database db(path, SQLITE_OPEN_READWRITE);
        db.use(j);
        // NORMAL, with a WAL: a killed process loses nothing that was committed, a power cut at most the last commits,
        // and neither corrupts (https://www.sqlite.org/wal.html). Without one a power cut could.
        db.execute(j == journal::wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
        db.execute("PRAGMA journal_size_limit = 16777216");
        // In KiB. With less, a large group of many rows is written twice: keys stand in no order, so each row is of
        // another page of their index.
        db.execute("PRAGMA cache_size = -8192");
        // What is deleted is overwritten: an erasure is to be an erasure.
        db.execute("PRAGMA secure_delete = ON");
        return db;
    }()),
    begin_(db_, "BEGIN IMMEDIATE"),
    commit_(db_, "COMMIT"),
    roll_back_(db_, "ROLLBACK"),
    put_(db_,
         "INSERT INTO entry (partition, name, generation, sent_at, used_at, fresh_for, missing_since, flags, "
         "content_type, etag, checksum, body, source, plain_bytes) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?14, ?15) "
         "ON CONFLICT (partition, name) DO UPDATE SET generation = excluded.generation, "
         "sent_at = excluded.sent_at, used_at = max(used_at, excluded.used_at), fresh_for = excluded.fresh_for, "
         "missing_since = excluded.missing_since, flags = excluded.flags, content_type = excluded.content_type, "
         "etag = excluded.etag, checksum = excluded.checksum, body = excluded.body, source = excluded.source, "
         "plain_bytes = excluded.plain_bytes "
         // supersedes() in entry.hpp, and a row of an older generation is as if it were not there
         "WHERE excluded.sent_at >= sent_at OR sent_at - excluded.sent_at > ?13 OR generation < excluded.generation"),
    drop_(db_, "DELETE FROM entry WHERE name = ?1 AND partition = ?2 AND sent_at <= ?3"),
    // What is passed and never fresh is a mark that hides what others may read: it says nothing of what has changed.
    drop_name_(db_, ("DELETE FROM entry WHERE partition IN (SELECT id FROM partition) AND (name = ?1 OR (" +
                     std::string(has_query_of_1) + ")) AND NOT (" + std::string(is_mark) + ")")
                        .c_str()),
    touch_(db_, "UPDATE entry SET used_at = ?3 WHERE name = ?1 AND partition = ?2 AND used_at < ?3 - ?4"),
    put_partition_(db_, "INSERT INTO partition (id, name, confirmed_at, used_at, no_bulk_until) "
                        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET confirmed_at = "
                        "excluded.confirmed_at, used_at = excluded.used_at, no_bulk_until = excluded.no_bulk_until"),
    set_meta_(db_, "UPDATE meta SET value = ?2 WHERE name = ?1"),
    always_certain_(j != journal::wal),
    is_certain_(always_certain_)
{}

void row_writer::count()
{
    entries_ = db_.integer("SELECT count(*) FROM entry");
}

void row_writer::begin(bool for_certain)
{
    for_certain = for_certain || always_certain_;
    if (for_certain != is_certain_)
        db_.execute(for_certain ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    is_certain_ = for_certain;
    begin_.run();
}

void row_writer::commit()
{
    commit_.run();
    entries_ += std::exchange(uncommitted_, 0);
}

void row_writer::roll_back() noexcept
{
    uncommitted_ = 0;
    try
    {
        if (!sqlite3_get_autocommit(db_.handle())) roll_back_.run();
    }
    catch (const failure&)
    {
        // The transaction is gone with the connection at the latest.
    }
}

void row_writer::put(key_view key, const entry& e, std::int64_t generation, wall_time used_at)
{
    reset_after guard{put_};
    std::string sum = checksum(key, e);
    put_.bind(1, key.partition).bind(2, key.name).bind(3, generation).bind(4, to_micros(e.sent_at));
    put_.bind(5, to_micros(used_at)).bind(6, e.fresh_for.count()).bind(7, to_micros(e.missing_since));
    put_.bind(8, std::int64_t(flags_of(e))).bind(9, e.content_type).bind(10, e.etag);
    const auto smaller = compressed(e.body);
    put_.bind_blob(11, sum).bind_blob(12, smaller ? *smaller : e.body).bind(13, clock_error_min.count());
    put_.bind(14, std::int64_t(e.from));
    put_.bind(15, smaller ? std::int64_t(e.body.size()) : 0);
    // An update of the row that stands there does not set it.
    sqlite3_set_last_insert_rowid(db_.handle(), 0);
    put_.run();
    if (sqlite3_last_insert_rowid(db_.handle()) != 0) ++uncommitted_;
}

void row_writer::drop(key_view key, wall_time sent_until)
{
    drop_.bind(1, key.name).bind(2, key.partition).bind(3, to_micros(sent_until)).run();
    uncommitted_ -= db_.changes();
}

void row_writer::drop_name(std::string_view name)
{
    drop_name_.bind(1, name).run();
    uncommitted_ -= db_.changes();
}

void row_writer::touch(key_view key, wall_time at)
{
    touch_.bind(1, key.name).bind(2, key.partition).bind(3, to_micros(at)).bind(4, touch_step.count()).run();
}

void row_writer::put_partition(const partition_record& p)
{
    std::int64_t confirmed = p.confirmed_at ? to_micros(*p.confirmed_at) : 0;
    put_partition_.bind(1, p.id).bind_blob(2, view(p.name)).bind(3, confirmed).bind(4, to_micros(p.used_at));
    put_partition_.bind(5, to_micros(p.no_bulk_until)).run();
}

void row_writer::set_salt(std::string_view salt)
{
    set_meta_.bind(1, "salt").bind_blob(2, salt).run();
}

void row_writer::prove_writable()
{
    db_.execute("INSERT OR REPLACE INTO meta VALUES ('proof', randomblob(16))");
}

void row_writer::set_generation(std::int64_t generation)
{
    set_meta("generation", generation);
    set_meta("purge_until", db_.integer("SELECT max(id) FROM entry"));
    forget_remains();
}

void row_writer::set_erasure(const erasure_record& e)
{
    set_meta("erased_at", to_micros(e.erased_at));
    set_meta("erasing_since", to_micros(e.erasing_since));
}

void row_writer::set_meta(std::string_view name, std::int64_t value)
{
    set_meta_.bind(1, name).bind(2, value).run();
}

erasure_record row_writer::erasure()
{
    return {from_micros(db_.integer("SELECT value FROM meta WHERE name = 'erased_at'")),
            from_micros(db_.integer("SELECT value FROM meta WHERE name = 'erasing_since'"))};
}

std::string row_writer::salt()
{
    statement s(db_, "SELECT value FROM meta WHERE name = 'salt'");
    if (!s.step() || s.bytes(0).empty()) throw failure(SQLITE_CORRUPT, "no salt in the file");
    return std::string(s.bytes(0));
}

std::int64_t row_writer::generation()
{
    return db_.integer("SELECT value FROM meta WHERE name = 'generation'");
}

std::vector<partition_record> row_writer::partitions()
{
    std::vector<partition_record> list;
    statement s(db_, "SELECT id, name, confirmed_at, used_at, no_bulk_until FROM partition");
    while (s.step())
    {
        partition_record p;
        p.id = s.integer(0);
        if (s.bytes(1).size() != p.name.size()) continue;
        std::memcpy(p.name.data(), s.bytes(1).data(), p.name.size());
        if (s.integer(2) != 0) p.confirmed_at = from_micros(s.integer(2));
        p.used_at = from_micros(s.integer(3));
        p.no_bulk_until = from_micros(s.integer(4));
        list.push_back(p);
    }
    return list;
}

std::vector<private_override> row_writer::private_overrides()
{
    std::vector<private_override> list;
    statement s(db_, "SELECT partition, name, sent_at FROM entry WHERE flags <> 0 AND generation = ?1");
    for (s.bind(1, generation()); s.step();)
        list.push_back({entry_key(key_view{s.integer(0), s.bytes(1)}), from_micros(s.integer(2))});
    return list;
}

void row_writer::remove(const std::string& ids)
{
    db_.execute(("DELETE FROM entry WHERE id IN (" + ids + ")").c_str());
    entries_ -= db_.changes();
}

std::uint64_t row_writer::bytes()
{
    auto pages = db_.integer("PRAGMA page_count") - db_.integer("PRAGMA freelist_count");
    return std::uint64_t(pages * db_.integer("PRAGMA page_size"));
}

std::uint64_t row_writer::file_bytes()
{
    auto pages = std::uint64_t(db_.integer("PRAGMA page_count") * db_.integer("PRAGMA page_size"));
    return std::max(pages, size_of(path_)) + log_bytes() + size_of(path_ + "-shm");
}

std::uint64_t row_writer::log_bytes() const
{
    return size_of(path_ + "-wal") + size_of(path_ + "-journal");
}

bool row_writer::cut_log()
{
    sqlite3_busy_timeout(db_.handle(), short_wait_max);
    int code = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(db_.handle(), wait_max);
    if (code != SQLITE_OK && code != SQLITE_BUSY) throw failure(code, sqlite3_errmsg(db_.handle()));
    return code == SQLITE_OK;
}

}  // namespace callcache::sqlite
