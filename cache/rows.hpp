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

    // The rows of older generations stay until remove_outdated() has passed them; readers do not see them.
    void set_generation(std::int64_t generation);

    void set_erasure(const erasure_record&);
    erasure_record erasure();

    std::string salt();
    std::int64_t generation();
    std::vector<partition_record> partitions();
    std::vector<private_override> private_overrides();

    // Each of these is a small transaction of its own, and true while there is more to do.
    bool remove_outdated();
    bool remove_sent_before(wall_time);
    bool evict(std::uint64_t bytes_max, wall_time unused_since);
    bool give_back_pages();

    // After the rows of older generations have gone: what remains of them in free pages and in the log.
    bool forget();

    // Those that hold nothing and were last used before `unused_since`.
    void forget_partitions(wall_time unused_since);

    // Bytes in use, without the free pages.
    std::uint64_t bytes();

    // Rows, with those of older generations that are still there, once they were counted, which takes some 100 ms for
    // 600,000; from then on every change counts. REQUIRES: no transaction is open.
    void count();
    std::int64_t entries() const { return entries_ + uncommitted_; }
    std::uint64_t evicted() const { return evicted_; }

private:
    struct chunk
    {
        std::int64_t rows = 0, last_id = 0;
    };
    chunk remove(statement& which);

    database db_;
    statement begin_, commit_, roll_back_, put_, drop_, drop_name_, touch_, put_partition_, set_meta_;
    statement outdated_, expired_, idle_, oldest_;
    std::int64_t purge_until_, purged_ = 0;  // rows up to the first may be outdated; those up to the second are not
    bool forgets_;
    const bool always_certain_;  // without a WAL
    bool is_certain_;
    std::int64_t entries_ = 0, uncommitted_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace callcache::sqlite
