// What outlives the process: an interface, so that a remote store can fill it later. Answers arrive later, failures are
// values, and nothing outside cache/ knows SQLite.
#pragma once

#include "cache/call_view.hpp"
#include "cache/entry.hpp"
#include "cache/erasure.hpp"
#include "cache/journal.hpp"
#include "cache/partition.hpp"
#include "cache/private_overrides.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace callcache
{

// Any thread may call everything; nothing here waits for a disk but the opening and the destructor, which writes what
// is still queued.
class store
{
public:
    // The entry, or null if none is kept or it cannot be read.
    using found = std::function<void(entry_ptr)>;

    // True once it is durable, a power cut included; false if it could not be written.
    using written = std::function<void(bool)>;

    virtual ~store() = default;

    // What a partition's name is salted with, and the partitions that are kept. As read at the opening.
    virtual const std::string& salt() const = 0;
    virtual const std::vector<partition_record>& kept_partitions() const = 0;
    virtual erasure_record kept_erasure() const = 0;

    // The entries that is_own() is true of, as read at the opening, if that was asked for. Once.
    virtual std::vector<private_override> take_private_overrides() { return {}; }

    // Sees everything that was queued before the call, written or not. `done` may be called before this returns, or
    // later on a thread of the store's; it must be short.
    virtual void find(const entry_key&, found done) = 0;

    // The same, as far as it can be known without waiting for a disk: what it does not find may be kept.
    virtual entry_ptr find_at_once(const entry_key&) { return nullptr; }

    // Queues. The newer one, by sent_at, stays. What is put under a generation older than the current one is lost.
    virtual void put(const entry_key&, entry_ptr) = 0;

    // Queues. Deletes the entry, unless it was sent for after `sent_until`.
    virtual void drop(const entry_key&, wall_time sent_until) = 0;

    // The names that are kept on the disk of a path with a query, under any partition, each once; at most names_max.
    // `done` as of find().
    static constexpr std::size_t names_max = 200;
    using names_found = std::function<void(std::vector<std::string>)>;
    virtual void find_queries(const std::string&, names_found done) { done({}); }

    // Queues. Deletes the entries of this name, and of it with a query, under every partition; but for forbidden_mark.
    virtual void drop_name(const std::string& name, written) = 0;

    // Queues. Deletes every entry of this view that is there when its turn comes, in the background, and then what is
    // left of them in the file. A process that ends before that does not go on with it. REQUIRES: not `call`.
    virtual void drop_view(call_view) {}

    // Queues. From the call on nothing that was put before it is found; the rows go in the background, and what is left
    // of them in the file after that.
    virtual void drop_all(written) = 0;

    // Queues.
    virtual void put_erasure(const erasure_record&, written) = 0;

    // Queues. Marks entries as used at `at`, so that they are evicted last.
    virtual void touch(std::vector<entry_key>, wall_time at) = 0;

    // Queues. What is kept of a partition, new or changed.
    virtual void put_partition(const partition_record&, written = {}) = 0;

    // What is done again and again, and how long all of it took.
    struct work
    {
        std::uint64_t count = 0;
        std::chrono::nanoseconds took{};
    };

    // The size of what is kept, and whether the last attempt to write succeeded.
    struct state
    {
        std::uint64_t bytes = 0, entries = 0;
        std::uint64_t file_bytes = 0;  // of all files: with free pages, and with SQLite's WAL or journal
        std::uint64_t log_bytes = 0;   // of that WAL or journal
        bool writable = true;
        bool has_room = true;       // false: the files take all that they may, and nothing new is kept
        std::uint64_t evicted = 0;  // entries, since the start, to keep within bytes_max
        work reads, commits;        // of one entry; of a group of changes
    };
    virtual state current() const = 0;
};

struct store_options
{
    std::string path;
    std::uint64_t bytes_max = 1 << 30;             // of entries; all files take at most 64 MiB more (housekeeping.hpp)
    duration keep_max{};                           // entries not refreshed for this long are deleted
    std::function<wall_time()> clock;              // called on the store's threads
    std::function<void(const std::string&)> warn;  // one line for the operator; called on the store's threads
    journal how = journal::wal;                    // or rollback: what is safe where the file lies
    bool reads_private_overrides = false;          // at the opening
    // As `clock`. Empty: nobody asks how long things take, and `clock` is believed at once (deletion_clock.hpp).
    std::function<steady_time()> steady = {};
    std::size_t queued_bytes_max = 64 << 20;  // beyond it what is put is not written; as much again is being written
    std::function<std::uint64_t()> disk_free = {};  // bytes; empty: what the file's disk says
};

// The file could not be opened; `text` is the operator's line: what, why, and the ways out.
struct store_refused
{
    std::string text;
};

using opened_store = std::variant<std::unique_ptr<store>, store_refused>;

// A SQLite file; its tables are in cache/schema.cpp. REQUIRES: the caller holds the lock on it.
opened_store open_sqlite_store(const store_options&);

// Keeps no entry, for `cache.path` ":memory:": the memory tier alone.
std::unique_ptr<store> make_empty_store();

}  // namespace callcache
