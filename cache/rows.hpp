// The rows of the database: one connection that writes, others that read. One thread for each.
#pragma once

#include "cache/entry.hpp"
#include "cache/erasure.hpp"
#include "cache/partition.hpp"
#include "cache/private_overrides.hpp"
#include "cache/sqlite.hpp"

#include <optional>
#include <string>
#include <vector>

namespace callcache::sqlite
{

// SQL that is true of a mark (private_overrides.hpp): it has the flag of what passes, and is never fresh.
inline constexpr std::string_view is_mark = "flags & 4 AND fresh_for = 0";

class row_reader
{
public:
    // One that must not wait sees nothing of long bodies, nor of what only the disk has: what it does not find may be
    // there. See nowait_vfs.hpp for when it may be closed.
    enum class patience
    {
        waits,
        never,
    };
    explicit row_reader(const std::string& path, patience = patience::waits);

    struct outcome
    {
        entry_ptr kept;        // null: none
        bool damaged = false;  // there is a row, and its checksum is wrong: it is as if it were not there
        wall_time damaged_sent_at{};
    };

    // Rows of another generation are not seen. Throws failure.
    outcome find(key_view, std::int64_t generation);

    // The names of this path with a query, of that generation, each once; at most so many. Throws failure.
    std::vector<std::string> queries_of(std::string_view path, std::int64_t generation, std::size_t max);

private:
    outcome read(key_view, std::int64_t generation);

    const patience how_;
    database db_;
    statement find_;
};

class row_writer
{
public:
    row_writer(const std::string& path, journal);

    // Between these, everything is one transaction. All of them throw failure. `for_certain`: a power cut does not take
    // it back.
    void begin(bool for_certain = false);
    void commit();
    void roll_back() noexcept;

    void put(key_view, const entry&, std::int64_t generation, wall_time used_at);
    void drop(key_view, wall_time sent_until);
    void drop_name(std::string_view name);
    void touch(key_view, wall_time at);
    void put_partition(const partition_record&);
    void set_salt(std::string_view salt);

    // Changes something for certain, so that the commit shows whether the file can be written: SQLite writes nothing
    // for a change that changes nothing.
    void prove_writable();

    // Rows are about to be deleted whose remains are to go from the files too.
    void forget_remains() { set_meta("forgets", 1); }

    // The rows of older generations stay until they are removed (housekeeping.hpp); readers do not see them.
    void set_generation(std::int64_t generation);

    void set_erasure(const erasure_record&);
    erasure_record erasure();

    std::string salt();
    std::int64_t generation();
    std::vector<partition_record> partitions();
    std::vector<private_override> private_overrides();

    // The entries with these ids, which stand between commas. REQUIRES: no transaction is open.
    void remove(const std::string& ids);

    // Bytes in use, without the free pages.
    std::uint64_t bytes();

    // What the files take: the database with its free pages and what the open transaction adds to it, and its log.
    std::uint64_t file_bytes();
    std::uint64_t log_bytes() const;  // of the WAL, or of the rollback journal

    // Writes the WAL into the database and cuts it to nothing. False if a reader is in the way for 10 ms.
    bool cut_log();

    // Rows, with those of older generations that are still there, once they were counted, which takes some 100 ms for
    // 600,000; from then on every change counts. REQUIRES: no transaction is open.
    void count();
    std::int64_t entries() const { return entries_ + uncommitted_; }

    // For what is not done with every change.
    database& connection() { return db_; }

private:
    void set_meta(std::string_view name, std::int64_t value);

    const std::string path_;
    database db_;
    statement begin_, commit_, roll_back_, put_, drop_, drop_name_, touch_, put_partition_, set_meta_;
    const bool always_certain_;  // without a WAL
    bool is_certain_;
    std::int64_t entries_ = 0, uncommitted_ = 0;
};

}  // namespace callcache::sqlite
