// Where a WAL is safe, and what is kept without one.

#include "cache/journal.hpp"

#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/store.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <thread>

#include <linux/magic.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

entry_key key(int n)
{
    return entry_key(key_view{1, std::to_string(n)});
}

entry_ptr an_entry(int n, wall_time sent_at = t0)
{
    auto e = std::make_shared<entry>();
    e->body = std::string(1000, char('a' + n % 26));
    e->sent_at = sent_at;
    e->fresh_for = 5min;
    return e;
}

struct kept_file
{
    temp_folder folder;
    std::string path = folder.file("cache.db");
    std::atomic<int> warnings{0};
    std::unique_ptr<store> s;

    void open(journal how)
    {
        s.reset();
        store_options o;
        o.path = path;
        o.keep_max = 30 * 24h;
        o.clock = [] { return t0; };
        o.warn = [this](const std::string&) { ++warnings; };
        o.how = how;
        auto opened = open_sqlite_store(o);
        if (auto* r = std::get_if<store_refused>(&opened)) FAIL(r->text);
        s = std::move(std::get<std::unique_ptr<store>>(opened));
        if (s->kept_partitions().empty()) s->put_partition({1, digest{1}, t0, t0});
    }
    entry_ptr find(int n)
    {
        return wait_for<entry_ptr>([&](auto done) { s->find(key(n), done); });
    }
    // Everything that was queued before is written.
    bool settle()
    {
        return wait_for<bool>([&](auto done) { s->put_partition({2, digest{2}, t0, t0}, done); });
    }
    bool has(const char* suffix) const { return std::filesystem::exists(path + suffix); }
};

}  // namespace

TEST_CASE("journal: a WAL on the file systems of this machine, none on those that others may have mounted too")
{
    for (std::uint32_t local : {std::uint32_t(EXT4_SUPER_MAGIC), std::uint32_t(XFS_SUPER_MAGIC),
                                std::uint32_t(BTRFS_SUPER_MAGIC), std::uint32_t(TMPFS_MAGIC), 0u})
    {
        CAPTURE(local);
        CHECK(journal_on(local).how == journal::wal);
        CHECK(journal_on(local).note == "");
    }
    const std::pair<std::uint32_t, const char*> shared[] = {
        {NFS_SUPER_MAGIC, "NFS"},   {V9FS_MAGIC, "9p"},        {FUSE_SUPER_MAGIC, "virtiofs"}, {SMB_SUPER_MAGIC, "SMB"},
        {CIFS_SUPER_MAGIC, "CIFS"}, {SMB2_SUPER_MAGIC, "SMB"}, {CEPH_SUPER_MAGIC, "CephFS"},   {AFS_SUPER_MAGIC, "AFS"},
    };
    for (auto [number, name] : shared)
    {
        CAPTURE(name);
        CHECK(journal_on(number).how == journal::rollback);
        CHECK(journal_on(number).note.find(name) != std::string::npos);
        CHECK(journal_on(number).note.find("rollback journal") != std::string::npos);
    }
}

TEST_CASE("journal: on an overlay a WAL, and a word on what is gone with the container")
{
    CHECK(journal_on(OVERLAYFS_SUPER_MAGIC).how == journal::wal);
    CHECK(journal_on(OVERLAYFS_SUPER_MAGIC).note.find("Mount a volume") != std::string::npos);
}

TEST_SUITE_BEGIN("threads: the journal");

TEST_CASE("journal: without a WAL there is no shared memory, and what is put is found, now and after opening again")
{
    kept_file f;
    f.open(journal::rollback);
    for (int n = 0; n < 50; ++n) f.s->put(key(n), an_entry(n));
    REQUIRE(f.settle());
    CHECK_FALSE(f.has("-wal"));
    CHECK_FALSE(f.has("-shm"));
    CHECK(f.has("-journal"));
    CHECK_FALSE(f.has("-new-journal"));
    f.s->drop(key(7), t0);
    CHECK(f.find(8)->body == an_entry(8)->body);
    f.open(journal::rollback);
    CHECK(f.find(7) == nullptr);
    CHECK(f.find(8)->body == an_entry(8)->body);
    CHECK(f.warnings == 0);
}

TEST_CASE(
    "journal: a file that moves between file systems keeps what it holds, also with a WAL that a kill left behind")
{
    kept_file f;
    f.open(journal::wal);
    f.s->put(key(1), an_entry(1));
    REQUIRE(f.settle());
    // As a kill leaves it: the row is in the WAL alone.
    std::string copy = f.folder.file("moved.db");
    for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(f.path + suffix, copy + suffix);
    f.s.reset();
    f.path = copy;
    f.open(journal::rollback);
    CHECK(f.find(1));
    CHECK_FALSE(f.has("-wal"));
    f.s->put(key(2), an_entry(2));
    f.open(journal::wal);
    CHECK(f.find(1));
    CHECK(f.find(2));
    REQUIRE(f.settle());
    CHECK(f.has("-wal"));
    CHECK(f.warnings == 0);
}

TEST_CASE("journal: without a WAL readers and the writer take turns: no answer is lost, and every write is done")
{
    kept_file f;
    f.open(journal::rollback);
    for (int n = 0; n < 20; ++n) f.s->put(key(n), an_entry(n));
    REQUIRE(f.settle());
    std::atomic<int> lost{0};
    std::vector<std::thread> tools;
    for (int t = 0; t < 4; ++t)
        tools.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i)
                if (!f.find((i + t) % 20)) ++lost;
        });
    int refused = 0;
    for (int round = 0; round < 100; ++round)
    {
        f.s->put(key(20 + round), an_entry(round));
        f.s->put(key(round % 20), an_entry(round, t0 + std::chrono::seconds(round + 1)));
        if (!f.settle()) ++refused;
    }
    for (std::thread& t : tools) t.join();
    CHECK(lost == 0);
    CHECK(refused == 0);
    CHECK(f.warnings == 0);
    f.open(journal::rollback);
    for (int n = 0; n < 120; ++n) CHECK(f.find(n));
}

TEST_CASE("journal: what a kill leaves in a rollback journal is rolled back, and what was committed before is there")
{
    kept_file f;
    f.open(journal::rollback);
    f.s->put(key(1), an_entry(1));
    REQUIRE(f.settle());
    f.s.reset();
    {
        // In the middle of a transaction, with more than the cache holds, so that pages of it are in the file.
        sqlite::row_writer w(f.path, journal::rollback);
        w.begin();
        for (int n = 2; n < 20'000; ++n) w.put(key_view(key(n)), *an_entry(n), w.generation(), t0);
        for (const char* suffix : {"", "-journal"})
            std::filesystem::copy_file(f.path + suffix, f.folder.file("killed.db") + suffix);
        w.roll_back();
    }
    f.path = f.folder.file("killed.db");
    CHECK(std::filesystem::file_size(f.path) > 1'000'000);
    f.open(journal::rollback);
    CHECK(f.find(1));
    CHECK(f.find(4000) == nullptr);
    CHECK(f.warnings == 0);
}

TEST_SUITE_END();
