// "The database" of the contract: every way in which the file can be wrong, at the start and later.

#include "cache/file_system.hpp"
#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/schema.hpp"
#include "cache/store.hpp"
#include "tests/support/full_disk.hpp"
#include "tests/support/hidden_folder.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

struct database_file
{
    temp_folder folder;
    std::string path = folder.file("cache.db");
    std::atomic<std::int64_t> now{to_micros(t0)};
    std::mutex mutex;
    std::string warnings;
    std::uint64_t bytes_max = 1 << 30;
    std::atomic<std::int64_t> steady_hours{-1};  // below 0: there is no such clock
    std::atomic<std::uint64_t> disk_free{1 << 30};
    std::unique_ptr<store> s;

    // The operator's line of a file that is refused, or nothing.
    std::string open()
    {
        s.reset();
        store_options o;
        o.path = path;
        o.bytes_max = bytes_max;
        o.keep_max = 30 * 24h;
        o.clock = [this] { return from_micros(now); };
        if (steady_hours >= 0) o.steady = [this] { return steady_time(std::chrono::hours(steady_hours)); };
        o.disk_free = [this] { return disk_free.load(); };
        o.warn = [this](const std::string& line) {
            std::lock_guard lock(mutex);
            warnings += line + "\n";
        };
        auto opened = open_sqlite_store(o);
        if (auto* r = std::get_if<store_refused>(&opened)) return r->text;
        s = std::move(std::get<std::unique_ptr<store>>(opened));
        return "";
    }
    bool warned(const std::string& part)
    {
        std::lock_guard lock(mutex);
        return warnings.find(part) != std::string::npos;
    }
    void put(int from, int to, std::size_t bytes = 1000, partition_id p = 1)
    {
        if (s->kept_partitions().empty()) s->put_partition({p, digest{std::uint8_t(p)}, t0, from_micros(now)});
        for (int i = from; i < to; ++i)
        {
            auto e = std::make_shared<entry>();
            e->body = std::string(bytes, char('a' + i % 26));
            e->sent_at = from_micros(now);
            e->fresh_for = 5min;
            s->put(entry_key(key_view{p, std::to_string(i)}), e);
        }
        settle();
    }
    // Everything that was queued before is written or lost.
    bool settle()
    {
        return wait_for<bool>([&](auto done) { s->put_partition({9, digest{9}, t0, from_micros(now)}, done); });
    }
    bool has(int i, partition_id p = 1)
    {
        return wait_for<entry_ptr>([&](auto done) {
                   s->find(entry_key(key_view{p, std::to_string(i)}), done);
               }) != nullptr;
    }
    // True if the partition was kept when the store was opened.
    bool kept(partition_id p) const
    {
        const auto& all = s->kept_partitions();
        return std::any_of(all.begin(), all.end(), [&](const partition_record& r) { return r.id == p; });
    }
    // Until it is true; the store looks after its file about once a second.
    bool soon(const std::function<bool()>& true_now)
    {
        for (auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end; settle())
            if (true_now()) return true;
        return false;
    }
    std::string bytes() const
    {
        std::ifstream in(path, std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(in)), {});
    }
    bool purge_all()
    {
        return wait_for<bool>([&](auto done) { s->drop_all(done); });
    }
    // The middle half of the file.
    void spoil() const
    {
        const auto size = fs::file_size(path);
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(long(size / 4));
        file << std::string(size / 2, 'x');
    }
    std::uintmax_t file_bytes() const
    {
        std::uintmax_t all = 0;
        std::error_code gone;
        for (const char* suffix : {"", "-wal", "-shm", "-journal"})
            if (auto size = fs::file_size(path + suffix, gone); !gone) all += size;
        return all;
    }
    void remove_file() const
    {
        for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix);
    }
};

// While it lives, this process has no more rights than anybody, also where the tests run as root.
class without_rights
{
public:
    without_rights()
    {
        if (is_root_) REQUIRE(setresuid(nobody, nobody, 0) == 0);
    }
    ~without_rights()
    {
        if (is_root_) CHECK(setresuid(0, 0, 0) == 0);
    }
    without_rights(const without_rights&) = delete;

private:
    static constexpr uid_t nobody = 65534;
    const bool is_root_ = geteuid() == 0;
};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("threads: the database");

TEST_CASE("a new file is readable by its owner alone, and marked as ours")
{
    database_file f;
    CHECK(f.open() == "");
    f.put(0, 10);
    for (const char* suffix : {"", "-wal", "-shm"})
    {
        struct stat info;
        REQUIRE(stat((f.path + suffix).c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
    }
    CHECK(sqlite::kind_of(f.path, sqlite::cache_schema()) == sqlite::file_kind::ours);
}

TEST_CASE("a file that is not callcache's is never touched")
{
    database_file f;
    SUBCASE("a text")
    {
        std::ofstream(f.path) << "my thesis";
    }
    SUBCASE("another program's database")
    {
        sqlite::database db(f.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        db.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    }
    SUBCASE("another program's database with an application id")
    {
        sqlite::database db(f.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        db.execute("PRAGMA application_id = 4711; CREATE TABLE t (a)");
    }
    std::string before = f.bytes();
    std::string line = f.open();
    CHECK(contains(line, "is not a callcache database"));
    CHECK(contains(line, f.path));
    CHECK(f.bytes() == before);
    CHECK(std::distance(fs::directory_iterator(f.folder.path()), {}) == 1);
}

TEST_CASE("a folder in the file's place is refused")
{
    database_file f;
    fs::create_directory(f.path);
    CHECK(contains(f.open(), "is not a file"));
}

TEST_CASE("a file of a newer schema is never touched")
{
    database_file f;
    f.open();
    f.put(0, 3);
    f.s.reset();
    sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("PRAGMA user_version = 99");
    std::string before = f.bytes();
    std::string line = f.open();
    CHECK(contains(line, "newer callcache"));
    CHECK(contains(line, "99"));
    CHECK(f.bytes() == before);
}

TEST_CASE("a folder that is not there or cannot be written is an error that names the uid and the ways out")
{
    database_file f;
    const std::string folder = f.folder.file("data");
    f.path = folder + "/cache.db";
    std::string why = "belongs to uid " + std::to_string(geteuid()), way_out;
    if (geteuid() == 0) fs::permissions(f.folder.path(), fs::perms(0755));  // others may look into it
    SUBCASE("no folder")
    {
        why = folder + " does not exist";
        way_out = "mkdir -p " + folder;
    }
    SUBCASE("a folder in which nothing may be made")
    {
        fs::create_directory(folder);
        fs::permissions(folder, fs::perms(0555));
    }
    SUBCASE("a folder in which nothing may be made, with a file in it")
    {
        fs::create_directory(folder);
        f.open();
        f.s.reset();
        fs::permissions(f.path, fs::perms(0666));
        fs::permissions(folder, fs::perms(0555));
    }
    SUBCASE("a file that may be read alone")
    {
        fs::create_directory(folder);
        f.open();
        f.s.reset();
        fs::permissions(f.path, fs::perms(0444));
        fs::permissions(folder, fs::perms(0777));
    }
    SUBCASE("a folder that nobody may look into")
    {
        fs::create_directory(folder);
        fs::permissions(folder, fs::perms(0));
    }
    SUBCASE("a folder in one that nobody may look into")
    {
        fs::create_directories(folder + "/deeper");
        fs::permissions(folder, fs::perms(0));
        f.path = folder + "/deeper/cache.db";
        why = folder + "/deeper cannot be looked at";
    }
    std::string line;
    {
        without_rights nobody;
        line = f.open();
        const std::string me = "callcache runs as uid " + std::to_string(geteuid());
        if (way_out.empty()) way_out = "chown " + std::to_string(geteuid()) + " " + f.folder.file("");
        for (const std::string& part : {why, me, way_out}) CHECK(contains(line, part));
    }
    INFO(line);
    for (const char* part : {"cannot write the database", "fsGroup", "--db FILE", "--db :memory:"})
        CHECK(contains(line, part));
    fs::permissions(f.folder.path(), fs::perms(0700));
    if (fs::exists(folder)) fs::permissions(folder, fs::perms(0700));
}

TEST_CASE("an empty file is as good as none")
{
    database_file f;
    std::ofstream(f.path).close();
    CHECK(f.open() == "");
    f.put(0, 1);
    CHECK(f.has(0));
}

TEST_CASE("what a killed start left beside the file is in nobody's way")
{
    database_file f;
    std::ofstream(f.path + "-new") << "half a file";
    CHECK(f.open() == "");
    CHECK_FALSE(fs::exists(f.path + "-new"));
}

TEST_CASE("a WAL that another file left behind is not replayed into a new one")
{
    database_file f;
    f.open();
    f.put(0, 500);
    fs::copy_file(f.path + "-wal", f.path + "-kept");
    f.s.reset();
    fs::remove(f.path);
    fs::rename(f.path + "-kept", f.path + "-wal");  // as after a kill -9 and an `rm callcache.db`
    CHECK(f.open() == "");
    CHECK(f.s->kept_partitions().empty());
    for (int i = 0; i < 500; i += 50) CHECK_FALSE(f.has(i));
    f.put(0, 10);
    f.s.reset();
    sqlite::database db(f.path, SQLITE_OPEN_READWRITE);
    sqlite::statement check(db, "PRAGMA integrity_check");
    REQUIRE(check.step());
    CHECK(std::string(check.bytes(0)) == "ok");
}

TEST_CASE("a file that is deleted while it is used is noticed, and a new one begun; trust and salt stay")
{
    database_file f;
    f.open();
    f.put(0, 10);
    f.open();  // so that nobody puts the partition again
    std::string salt = f.s->salt();
    f.remove_file();
    CHECK(f.soon([&] { return f.warned("was deleted"); }));
    f.put(100, 101);
    f.open();
    CHECK(f.s->salt() == salt);
    CHECK(f.kept(1));
    CHECK(f.has(100));
}

TEST_CASE("a purge of everything, the file deleted, another purge, a restart: nothing is found")
{
    database_file f;
    f.open();
    f.put(0, 10);
    REQUIRE(f.purge_all());
    f.put(10, 20);
    f.remove_file();
    SUBCASE("as it comes") {}
    SUBCASE("after the writer has noticed, with what was put since")
    {
        CHECK(f.soon([&] { return f.warned("was deleted"); }));
        f.put(20, 30);
    }
    SUBCASE("after another start, with what was put since")
    {
        CHECK(f.soon([&] { return f.warned("was deleted"); }));
        f.put(20, 30);
        f.open();
        CHECK(f.has(29));
    }
    CHECK(f.purge_all());
    for (bool again : {false, true})
    {
        for (int i = 0; i < 30; ++i) CHECK_FALSE(f.has(i));
        if (!again) f.open();
    }
    f.put(30, 31);
    f.open();
    CHECK(f.has(30));
}

TEST_CASE("a corrupt file on a full disk: serving goes on, and it recovers when there is room again")
{
    database_file f;
    f.open();
    f.put(0, 2000);
    f.open();
    {
        std::fstream file(f.path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(4096);
        file << std::string(fs::file_size(f.path) - 4096, 'x');
    }
    std::optional<full_disk> full(std::in_place);
    for (int i = 0; i < 2000; i += 20) f.has(i);
    f.put(5000, 5010);
    f.has(1);
    f.settle();
    full.reset();
    CHECK(f.soon([&] {
        f.put(6000, 6001);
        return f.s->current().writable && f.has(6000);
    }));
    f.open();
    CHECK(f.has(6000));
}

TEST_CASE("our own file, found corrupt at the start, is moved aside: one copy, and a new file begun")
{
    database_file f;
    for (int round = 0; round < 2; ++round)
    {
        CHECK(f.open() == "");
        f.put(0, 2000);
        f.s.reset();
        {
            std::fstream file(f.path, std::ios::binary | std::ios::in | std::ios::out);
            file.seekp(100);
            file << std::string(4096 * 3, 'x');  // the header stays, the tables go
        }
        CHECK(f.open() == "");
        CHECK(f.warned("was corrupt"));
        CHECK(fs::exists(sqlite::corrupt_copy(f.path)));
        CHECK_FALSE(f.has(1));
        f.put(0, 3);
        CHECK(f.has(1));
    }
    int copies = 0;
    for (const auto& e : fs::directory_iterator(f.folder.path())) copies += contains(e.path().string(), "corrupt");
    CHECK(copies == 1);
    wait_for<bool>([&](auto done) { f.s->drop_all(done); });
    CHECK_FALSE(fs::exists(sqlite::corrupt_copy(f.path)));
}

TEST_CASE("our own file, found corrupt while it is used, is replaced; trust and salt stay")
{
    database_file f;
    CHECK(f.open() == "");
    f.put(0, 2000);
    std::string salt = f.s->salt();
    CHECK(f.open() == "");  // what was in the WAL is in the file now
    f.spoil();
    CHECK(f.soon([&] {
        for (int i = 0; i < 2000; i += 50) f.has(i);
        return f.warned("a new one begun");
    }));
    CHECK(f.soon([&] {
        f.put(5000, 5001);
        return f.has(5000);
    }));
    CHECK(f.open() == "");
    CHECK(f.s->salt() == salt);
    CHECK(f.has(5000));
    CHECK(f.kept(1));
}

TEST_CASE("a row whose bytes have changed is not served, and goes")
{
    database_file f;
    f.open();
    f.put(0, 5);
    f.s.reset();
    sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("UPDATE entry SET body = 'other' WHERE name = '1'");
    sqlite::database(f.path, SQLITE_OPEN_READWRITE)
        .execute("UPDATE entry SET fresh_for = fresh_for * 2 WHERE name = '2'");
    f.open();
    CHECK(f.has(0));
    CHECK_FALSE(f.has(1));
    CHECK_FALSE(f.has(2));
    CHECK(f.warned("damaged"));
    f.settle();
    f.s.reset();
    CHECK(sqlite::database(f.path, SQLITE_OPEN_READWRITE).integer("SELECT count(*) FROM entry") == 3);
}

TEST_CASE("a disk that fills: serving goes on without keeping, and it recovers when it can")
{
    database_file f;
    f.open();
    f.put(0, 10);
    std::optional<full_disk> full(std::in_place);
    f.put(100, 300, 4000);
    bool written = f.settle();
    full.reset();
    INFO(f.warnings);
    CHECK_FALSE(written);
    CHECK(f.warned("cannot be written"));
    CHECK_FALSE(f.s->current().writable);
    CHECK(f.has(1));
    CHECK(f.soon([&] { return f.s->current().writable; }));
    CHECK(f.warned("can be written again"));
    f.put(400, 401);
    f.open();
    CHECK(f.has(1));
    CHECK(f.has(400));
}

TEST_CASE("what is dropped while the disk is full is gone, then and afterwards")
{
    database_file f;
    f.open();
    f.put(0, 3);
    std::optional<full_disk> full(std::in_place);
    f.s->drop(entry_key(key_view{1, "0"}), wall_time::max());
    auto newer = std::make_shared<entry>();
    newer->body = "newer";
    newer->sent_at = t0 + 1s;
    f.s->put(entry_key(key_view{1, "1"}), newer);
    CHECK_FALSE(wait_for<bool>([&](auto done) { f.s->drop_name("2", done); }));
    CHECK_FALSE(f.has(0));
    CHECK_FALSE(f.has(1));  // the newer one is lost, and what it replaced does not come back
    CHECK_FALSE(f.has(2));
    full.reset();
    CHECK(f.soon([&] { return f.s->current().writable; }));
    f.open();
    for (int i : {0, 1, 2}) CHECK_FALSE(f.has(i));
}

TEST_CASE(
    "what is said of a partition again and again while the disk is full is written once, and the last of it stays")
{
    database_file f;
    f.open();
    f.put(0, 1);
    std::optional<full_disk> full(std::in_place);
    for (auto at : {t0 + 1h, t0 + 2h, t0 + 3h})
        for (partition_id id : {1, 2})
            CHECK_FALSE(wait_for<bool>([&](auto done) {
                f.s->put_partition({id, digest{std::uint8_t(id)}, std::nullopt, at}, done);
            }));
    full.reset();
    CHECK(f.soon([&] { return f.s->current().writable; }));
    f.open();
    std::map<partition_id, partition_record> kept;
    for (const partition_record& p : f.s->kept_partitions()) kept[p.id] = p;
    for (partition_id id : {1, 2})
    {
        CHECK(kept[id].used_at == t0 + 3h);
        CHECK_FALSE(kept[id].confirmed_at);
    }
}

TEST_CASE("while another program holds the file nothing is lost: it is found, and written when the file is free again")
{
    database_file f;
    f.open();
    f.put(0, 3);
    sqlite::database other(f.path, SQLITE_OPEN_READWRITE);
    other.execute("BEGIN IMMEDIATE");
    auto newer = std::make_shared<entry>();
    newer->body = "newer";
    newer->sent_at = t0 + 1s;
    f.s->put(entry_key(key_view{1, "0"}), newer);
    f.s->drop(entry_key(key_view{1, "1"}), t0);
    std::promise<bool> told;
    f.s->drop_name("2", [&](bool good) { told.set_value(good); });
    while (f.s->current().writable) std::this_thread::yield();
    f.s->put(entry_key(key_view{1, "3"}), newer);
    auto find = [&](const char* name) {
        return wait_for<entry_ptr>([&](auto done) { f.s->find(entry_key(key_view{1, name}), done); });
    };
    auto looks_right = [&] {
        for (const char* name : {"0", "3"})
        {
            REQUIRE(find(name));
            CHECK(find(name)->body == "newer");
        }
        for (const char* name : {"1", "2"}) CHECK_FALSE(find(name));
    };
    looks_right();
    auto outcome = told.get_future();
    CHECK(outcome.wait_for(0s) == std::future_status::timeout);
    other.execute("ROLLBACK");
    CHECK(outcome.get());
    CHECK(f.settle());
    CHECK(f.s->current().writable);
    looks_right();
    f.open();
    looks_right();
}

TEST_CASE("the file stays within cache.disk_max, and what is hot stays in it")
{
    database_file f;
    f.bytes_max = 2 << 20;
    f.open();
    f.put(0, 200);
    for (int round = 1; round <= 20; ++round)
    {
        f.now += 3600ll * 1'000'000;
        f.s->touch({entry_key(key_view{1, "7"})}, from_micros(f.now));
        f.put(round * 1000, round * 1000 + 400);
    }
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
    CHECK(f.has(7));
    CHECK_FALSE(f.has(8));
    CHECK(f.has(20'399));
    CHECK(f.soon([&] { return fs::file_size(f.path) <= f.bytes_max * 3 / 2; }));  // pages are given back
    CHECK(fs::file_size(f.path + "-wal") <= (17u << 20));
}

TEST_CASE(
    "a mark that a credential may not read a call stays while entries make room, and is no reason to go on for ever")
{
    database_file f;
    f.bytes_max = 2 << 20;
    f.open();
    f.s->put_partition({2, digest{2}, t0, t0});
    f.s->put(entry_key(key_view{2, "600"}), std::make_shared<entry>(forbidden_mark(t0)));
    f.put(0, 500, 1000, 2);
    f.now += 3ll * 24 * 3600 * 1'000'000;
    f.put(1000, 4000);
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
    CHECK_FALSE(f.has(0, 2));
    CHECK_FALSE(f.has(1000));
    CHECK(f.has(600, 2));

    f.s->put_partition({2, digest{2}, t0, t0});
    for (int n = 0; n < 20'000; ++n)
        f.s->put(entry_key(key_view{2, std::to_string(n)}), std::make_shared<entry>(forbidden_mark(t0)));
    f.settle();
    f.put(9000, 9001);
    CHECK(f.soon([&] { return !f.has(9000); }));
    CHECK(f.has(19'999, 2));
}

TEST_CASE("entries of credentials that nobody has used for two days go first")
{
    database_file f;
    f.bytes_max = 2 << 20;
    f.open();
    f.s->put_partition({2, digest{2}, t0, t0});
    f.put(0, 500, 1000, 2);
    f.now += 3ll * 24 * 3600 * 1'000'000;
    f.s->put_partition({1, digest{1}, t0, from_micros(f.now)});
    f.put(0, 1000);
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
    f.put(2000, 2900);
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
    CHECK_FALSE(f.has(0, 2));
    CHECK_FALSE(f.has(499, 2));
    CHECK(f.has(2899));
}

TEST_CASE("a path of which the system does not say what is there ends nothing: what is open goes on being used")
{
    database_file f;
    const std::string folder = f.folder.file("data");
    fs::create_directory(folder);
    f.path = folder + "/cache.db";
    f.open();
    f.put(0, 3);
    {
        hidden_folder hidden(folder);
        f.put(3, 6);
        f.now += 2h / 1us;  // the writer looks after its file
        f.put(6, 9);
        for (int i = 0; i < 9; ++i) CHECK(f.has(i));
        CHECK_FALSE(f.warned("was deleted"));
    }
    f.open();
    for (int i = 0; i < 9; ++i) CHECK(f.has(i));
}

TEST_CASE("a mistake on a thread of the store's ends nothing: who waits is answered, and it is said")
{
    database_file f;
    f.open();
    f.put(0, 2);
    f.s->find(entry_key(key_view{1, "0"}), [](entry_ptr) { throw std::length_error("a mistake in a test"); });
    CHECK(f.soon([&] { return f.warned("a mistake in a test"); }));
    CHECK(f.has(1));
    f.s->put_partition({9, digest{9}, t0, t0}, [](bool) { throw std::length_error("another one"); });
    CHECK(f.soon([&] { return f.warned("another one"); }));
    f.put(2, 3);
    CHECK(f.has(2));
}

TEST_CASE("what was not refreshed for cache.calls.keep_max is physically deleted")
{
    database_file f;
    f.open();
    f.put(0, 500);
    f.now += 31ll * 24 * 3600 * 1'000'000;
    f.put(1000, 1001);
    CHECK(f.soon([&] { return !f.has(0) && !f.has(499); }));
    CHECK(f.has(1000));
    CHECK(f.soon(
        [&] { return sqlite::database(f.path, SQLITE_OPEN_READONLY).integer("SELECT count(*) FROM entry") == 1; }));
}

TEST_CASE("a start with the clock 40 days ahead deletes nothing at once; if it goes on so, it is true")
{
    database_file f;
    f.steady_hours = 0;
    f.open();
    f.put(0, 10);
    f.now += 40ll * 24 * 3600 * 1'000'000;
    for (int start = 0; start < 2; ++start)  // the second finds what was written by the wrong clock
    {
        f.open();
        f.put(1000 + start, 1001 + start);
        for (int i = 0; i < 3; ++i) f.settle();
        f.steady_hours += 1;
        for (int i = 0; i < 3; ++i) f.settle();
        CHECK(f.has(0));
        CHECK(f.kept(1));
    }
    SUBCASE("it goes on")
    {
        f.steady_hours += 7;
        CHECK(f.soon([&] { return !f.has(0); }));
        CHECK(f.has(1000));
    }
    SUBCASE("it was wrong")
    {
        f.now -= 40ll * 24 * 3600 * 1'000'000;
        f.steady_hours += 7;
        f.put(2000, 2001);
        f.settle();
        CHECK(f.has(0));
    }
}

TEST_CASE("fast writes of long answers: the files stay within cache.disk_max and 64 MiB, and what came last is kept")
{
    database_file f;
    f.bytes_max = 32 << 20;
    f.open();
    std::uintmax_t most = 0;
    for (int i = 0; i < 1000; i += 10)
    {
        for (int n = i; n < i + 10; ++n)
        {
            auto e = std::make_shared<entry>();
            e->body = std::string(400'000, 'a');
            e->sent_at = t0;
            f.s->put(entry_key(key_view{1, std::to_string(n)}), e);
        }
        if (i % 100 == 90) f.settle();
        most = std::max(most, f.file_bytes());
    }
    f.settle();
    most = std::max(most, f.file_bytes());
    CHECK(most <= (32u << 20) + (64u << 20));
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
    CHECK(f.has(999));
    CHECK(f.s->current().entries > 60);
    CHECK(f.soon([&] { return f.file_bytes() <= (32u << 20) + (33u << 20); }));
    CHECK_FALSE(f.warned("no room"));
}

TEST_CASE("a reader that holds the log: the files stay within the bound, it is said, drops go on, and it recovers")
{
    database_file f;
    f.bytes_max = 8 << 20;
    f.open();
    f.put(0, 1000);
    std::optional<sqlite::database> reader(std::in_place, f.path, SQLITE_OPEN_READWRITE);
    reader->execute("BEGIN; SELECT count(*) FROM entry");
    std::uintmax_t most = 0;
    for (int i = 1; i <= 150; ++i)
    {
        f.now += 60ll * 60 * 1'000'000;
        f.put(i * 1000, i * 1000 + 1000);  // more than a megabyte
        std::vector<entry_key> used;
        for (int n = 0; n < 1000; ++n) used.push_back(entry_key(key_view{1, std::to_string(n)}));
        f.s->touch(used, from_micros(f.now));
        most = std::max(most, f.file_bytes());
    }
    CHECK(most <= (8u << 20) + (64u << 20));
    CHECK(f.warned("no room"));
    CHECK(f.s->current().writable);
    REQUIRE_FALSE(f.has(150'000));
    CHECK(f.has(999));
    CHECK(wait_for<bool>([&](auto done) { f.s->drop_name("999", done); }));
    CHECK_FALSE(f.has(999));
    CHECK(f.purge_all());
    CHECK_FALSE(f.has(998));
    for (int i = 0; i < 20; ++i) f.settle();  // the rows wait: to delete them would make the log longer
    CHECK(f.file_bytes() <= (8u << 20) + (65u << 20));
    reader.reset();
    CHECK(f.soon([&] { return f.warned("room again"); }));
    f.put(5000, 5001);
    f.open();
    CHECK(f.has(5000));
    CHECK_FALSE(f.has(998));
    CHECK(f.soon([&] { return f.file_bytes() <= (8u << 20) + (33u << 20); }));
}

TEST_CASE("on a disk that is nearly full nothing new is kept, it is said, drops go on, and it recovers")
{
    database_file f;
    f.open();
    f.put(0, 10);
    f.disk_free = (32 << 20) - 1;
    f.put(10, 20);
    CHECK_FALSE(f.has(15));
    CHECK(f.has(5));
    CHECK(f.warned("the disk has less than 32 MiB left"));
    CHECK(f.s->current().writable);
    CHECK_FALSE(f.s->current().has_room);
    CHECK(wait_for<bool>([&](auto done) { f.s->drop_name("5", done); }));
    f.disk_free = 32 << 20;
    CHECK(f.soon([&] { return f.warned("room again"); }));
    f.put(20, 30);
    f.open();
    CHECK(f.has(25));
    CHECK_FALSE(f.has(15));
    CHECK_FALSE(f.has(5));
}

TEST_CASE("how much room a disk has is asked of its file system")
{
    temp_folder folder;
    CHECK(free_bytes_at(folder.path().string()) < std::numeric_limits<std::uint64_t>::max());
    CHECK(free_bytes_at(folder.path().string()) > 0);
    CHECK(free_bytes_at(folder.file("not there")) == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("a cache.disk_max that was made smaller: the file shrinks to it, and keeping goes on")
{
    database_file f;
    f.open();
    for (int i = 0; i < 150; i += 10) f.put(i, i + 10, 1'000'000);
    f.bytes_max = 4 << 20;
    f.open();
    CHECK(f.soon([&] { return f.s->current().has_room && f.file_bytes() <= (4u << 20) + (64u << 20); }));
    f.put(1000, 1001);
    CHECK(f.has(1000));
    CHECK(f.soon([&] { return f.s->current().bytes <= f.bytes_max; }));
}

TEST_CASE("while the disk is full each attempt is small, however much is to be dropped, and all of it is dropped then")
{
    database_file f;
    f.open();
    f.put(0, 3000);
    std::optional<full_disk> full(std::in_place);
    for (int i = 0; i < 3000; ++i) f.s->drop(entry_key(key_view{1, std::to_string(i)}), wall_time::max());
    CHECK_FALSE(f.settle());
    const auto tried = f.s->current().commits.count;
    for (int i = 0; i < 3; ++i) CHECK_FALSE(f.settle());
    CHECK(f.s->current().commits.count == tried);
    full.reset();
    CHECK(f.soon([&] { return f.s->current().writable; }));
    f.open();
    CHECK(sqlite::database(f.path, SQLITE_OPEN_READONLY).integer("SELECT count(*) FROM entry") == 0);
}

TEST_CASE("the rows of a purge of everything go in the background, also after a restart in the middle of it")
{
    database_file f;
    f.open();
    f.put(0, 5000);
    wait_for<bool>([&](auto done) { f.s->drop_all(done); });
    f.open();
    f.put(10'000, 10'010);
    CHECK(f.soon(
        [&] { return sqlite::database(f.path, SQLITE_OPEN_READONLY).integer("SELECT count(*) FROM entry") == 10; }));
    CHECK(f.has(10'000));
}

TEST_CASE(
    "after a purge of everything nothing of a body is left in the file, its log, or the copy that was moved aside")
{
    database_file f;
    f.open();
    f.put(0, 2000);
    f.put(0, 500, 9000);    // replaced, by what takes pages of its own
    f.put(3000, 3010, 50);  // and some that are dropped alone
    for (int i = 3000; i < 3005; ++i) f.s->drop(entry_key(key_view{1, std::to_string(i)}), wall_time::max());
    f.settle();
    std::ofstream(sqlite::corrupt_copy(f.path)) << std::string(1000, 'a');
    auto holds_a_body = [&] {
        std::string all = f.bytes();
        for (const char* other : {"-wal", "-corrupt"})
        {
            std::ifstream in(f.path + other, std::ios::binary);
            all += std::string((std::istreambuf_iterator<char>(in)), {});
        }
        for (char c = 'a'; c <= 'z'; ++c)
            if (all.find(std::string(40, c)) != std::string::npos) return true;
        return false;
    };
    REQUIRE(holds_a_body());
    SUBCASE("while it runs") {}
    SUBCASE("when it was ended in the middle")
    {
        f.s->drop_all([](bool) {});
        f.open();
    }
    wait_for<bool>([&](auto done) { f.s->drop_all(done); });
    CHECK(f.soon([&] { return !holds_a_body(); }));
}

TEST_CASE("a file of the first schema is brought up to date, with what is in it")
{
    database_file f;
    f.open();
    f.put(0, 3);
    f.s.reset();
    sqlite::database(f.path, SQLITE_OPEN_READWRITE)
        .execute("DELETE FROM meta WHERE name IN ('erased_at', 'erasing_since', 'forgets', 'view_bytes'); "
                 "DROP INDEX entry_own; DROP INDEX entry_view; "
                 "DROP TRIGGER view_kept; DROP TRIGGER view_changed; DROP TRIGGER view_gone; "
                 "ALTER TABLE partition DROP COLUMN no_bulk_until; ALTER TABLE entry DROP COLUMN source; "
                 "ALTER TABLE entry DROP COLUMN plain_bytes; PRAGMA user_version = 1");
    CHECK(f.open() == "");
    CHECK(f.has(2));
    CHECK(f.s->kept_erasure().erased_at == wall_time());
}

TEST_CASE("a view that may not lie on the disk is deleted there, with what is left of it in the file, and no other is")
{
    database_file f;
    f.open();
    f.put(0, 10);
    auto put_view = [&](const std::string& name, std::size_t bytes) {
        auto e = std::make_shared<entry>();
        e->body = "said by " + name + std::string(bytes, '.');
        e->sent_at = t0;
        e->fresh_for = 5min;
        f.s->put(entry_key(key_view{1, name}), e);
    };
    for (int i = 0; i < 500; ++i) put_view(std::to_string(i) + "?transcript", 10'000);
    for (int i = 0; i < 10; ++i) put_view(std::to_string(i) + "?details=0123", 1000);
    put_view("/v2/users?transcript", 1000);
    REQUIRE(f.settle());
    SUBCASE("at once") {}
    SUBCASE("at the next start") f.open();
    f.s->drop_view(call_view::transcript);
    CHECK(f.soon([&] { return f.s->current().entries == 21; }));
    CHECK(f.soon([&] { return f.bytes().find("said by 7?transcript") == std::string::npos; }));
    CHECK(f.has(7));
    f.s.reset();
    CHECK(f.bytes().find("said by 7?details=0123") != std::string::npos);
}

TEST_CASE("an erasure is remembered, also by the file that takes the place of one that was deleted or is corrupt")
{
    database_file f;
    f.open();
    f.put(0, 2000);
    CHECK(wait_for<bool>([&](auto done) { f.s->put_erasure({t0, t0 + 1s}, done); }));
    f.open();
    SUBCASE("opened again") {}
    SUBCASE("deleted")
    {
        f.remove_file();
        CHECK(f.soon([&] { return f.warned("was deleted; a new one was begun"); }));
    }
    SUBCASE("corrupt")
    {
        f.spoil();
        CHECK(f.soon([&] {
            for (int i = 0; i < 2000; i += 50) f.has(i);
            return f.warned("was corrupt");
        }));
    }
    for (int i = 0; i < 2; ++i)
    {
        f.open();
        CHECK(f.s->kept_erasure().erased_at == t0);
        CHECK(f.s->kept_erasure().erasing_since == t0 + 1s);
    }
}

TEST_CASE("a long body lies compressed in the file, and is read as it was")
{
    database_file f;
    f.open();
    std::string body = "{\"sentences\":[";
    for (int i = 0; i < 1000; ++i)
        body += "{\"start\":" + std::to_string(i * 731) + ",\"text\":\"What did they say?\"},";
    auto e = std::make_shared<entry>();
    e->body = body;
    e->sent_at = t0;
    e->fresh_for = 5min;
    const entry_key key(key_view{1, "7?transcript"});
    f.s->put_partition({1, digest{1}, t0, t0});
    f.s->put(key, e);
    REQUIRE(f.settle());
    auto read = [&] { return wait_for<entry_ptr>([&](auto done) { f.s->find(key, done); }); };
    REQUIRE(read());
    CHECK(read()->body == body);
    const entry_ptr at_once = f.s->find_at_once(key);
    CHECK(at_once);
    if (at_once) CHECK(at_once->body == body);
    f.s.reset();
    auto sql = [&](const char* text) { sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute(text); };
    CHECK(sqlite::database(f.path, SQLITE_OPEN_READWRITE).integer("SELECT length(body) FROM entry") <
          std::int64_t(body.size() / 4));
    SUBCASE("cut off") sql("UPDATE entry SET body = substr(body, 1, length(body) - 1)");
    SUBCASE("no frame at all") sql("UPDATE entry SET body = zeroblob(100)");
    SUBCASE("taken for plain") sql("UPDATE entry SET plain_bytes = 0");
    SUBCASE("longer than it is") sql("UPDATE entry SET plain_bytes = plain_bytes + 1");
    SUBCASE("longer than anything is") sql("UPDATE entry SET plain_bytes = 9223372036854775807");
    SUBCASE("of a negative length") sql("UPDATE entry SET plain_bytes = -1");
    f.open();
    CHECK_FALSE(read());
    CHECK(f.warned("damaged"));
}

TEST_CASE("eviction: transcripts and details leave calls a quarter, and go in the order of their use")
{
    database_file f;
    f.bytes_max = 4 << 20;
    f.open();
    f.put(0, 500);  // with their pages clearly less than a quarter
    std::string noise;
    for (std::uint32_t i = 0, n = 1; i < 20'000; ++i) noise += char((n = n * 1664525 + 1013904223) >> 24);
    for (int i = 0; i < 600; ++i)
    {
        f.now += 60'000'000;
        auto e = std::make_shared<entry>();
        e->body = noise + std::to_string(i);
        e->sent_at = from_micros(f.now);
        e->fresh_for = 5min;
        f.s->put(entry_key(key_view{1, std::to_string(i) + (i % 2 ? "?transcript" : "?details=0")}), e);
        if (i % 10 == 9) f.settle();
    }
    auto has = [&](const std::string& name) {
        return wait_for<entry_ptr>([&](auto done) { f.s->find(entry_key(key_view{1, name}), done); }) != nullptr;
    };
    CHECK(
        f.soon([&] { return f.s->current().bytes <= f.bytes_max && !has("401?transcript") && !has("402?details=0"); }));
    int calls = 0;
    for (int i = 0; i < 500; ++i) calls += f.has(i);
    CHECK(calls == 500);
    CHECK(has("599?transcript"));
    CHECK(has("598?details=0"));
    f.s.reset();
    sqlite::database db(f.path, SQLITE_OPEN_READWRITE);
    CHECK(db.integer("SELECT value FROM meta WHERE name = 'view_bytes'") ==
          db.integer("SELECT sum(length(body)) FROM entry WHERE name LIKE '%?%'"));
}

TEST_SUITE_END();
