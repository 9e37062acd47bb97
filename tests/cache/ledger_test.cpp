#include "cache/ledger.hpp"

#include "cache/open_file.hpp"
#include "cache/schema.hpp"
#include "tests/support/full_disk.hpp"
#include "tests/support/hidden_folder.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <mutex>

#include <sys/stat.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};
constexpr std::int64_t m0 = t0.time_since_epoch() / 1min;

ledger_page page(std::vector<ledger_page::minute> spent, std::vector<ledger_page::share> shares = {})
{
    ledger_page p;
    p.time = t0;
    p.wall = t0 + 1s;
    p.steady = steady_time(123'456'789ns);
    p.boot = "boot";
    p.oldest = m0 - 26 * 60;
    p.spent = std::move(spent);
    p.shares = std::move(shares);
    return p;
}

ledger_state written(ledger& l, ledger_page p)
{
    return wait_for<ledger_state>([&](auto done) { l.write(std::move(p), done); });
}

// True if it is durable.
bool write(ledger& l, ledger_page p)
{
    ledger_state how = written(l, std::move(p));
    CHECK(how != ledger_state::not_ours);
    return how == ledger_state::durable;
}

std::int64_t sum(const ledger_page& p)
{
    std::int64_t all = 0;
    for (const auto& m : p.spent) all += m.count;
    return all;
}

struct ledger_file
{
    temp_folder folder;
    std::string path = folder.file("budget.db");
    std::uint64_t daily = 10'000;
    wall_time now = t0;
    std::mutex mutex;
    std::string warnings;
    std::atomic<bool> warnings_fail = false;
    bool locked = false;
    std::unique_ptr<ledger> l;

    // The operator's line of a file that is refused, or nothing.
    std::string open()
    {
        l.reset();
        ledger_options o;
        o.path = path;
        o.daily = daily;
        o.now = now;
        o.warn = [this](const std::string& line) {
            if (warnings_fail) throw std::bad_alloc();
            std::lock_guard lock(mutex);
            warnings += line + "\n";
        };
        o.error = o.warn;
        if (locked) o.lock.emplace(std::get<file_lock>(file_lock::take(path + "-lock", "this one")));
        auto opened = open_sqlite_ledger(std::move(o));
        if (auto* r = std::get_if<ledger_refused>(&opened)) return r->text;
        l = std::move(std::get<std::unique_ptr<ledger>>(opened));
        return "";
    }
    const ledger_page& reopened()
    {
        REQUIRE(open() == "");
        return l->kept();
    }
    int warned(const std::string& part)
    {
        std::lock_guard lock(mutex);
        int times = 0;
        for (auto at = warnings.find(part); at != std::string::npos; at = warnings.find(part, at + 1)) ++times;
        return times;
    }
    void damage(std::size_t from)
    {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(long(from));
        file << std::string(fs::file_size(path) - from, 'x');
    }
    std::string bytes() const
    {
        std::ifstream in(path, std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(in)), {});
    }
};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("threads: the ledger");

TEST_CASE("ledger: what is kept at first is empty, in memory too; and what is written is told of")
{
    ledger_file f;
    std::unique_ptr<ledger> l;
    SUBCASE("a file")
    {
        REQUIRE(f.open() == "");
        l = std::move(f.l);
        CHECK(l->kept().clean);  // nothing was ever sent
    }
    SUBCASE("memory")
    {
        l = make_memory_ledger();
        CHECK_FALSE(l->kept().clean);  // a process before this one may have sent
    }
    CHECK(l->kept().spent.empty());
    CHECK(l->kept().shares.empty());
    CHECK(l->kept().boot.empty());
    CHECK(l->kept().time == wall_time{});
    for (int i = 0; i < 10; ++i) CHECK(write(*l, page({{m0 + i, 3}})));
    CHECK(l->kept().spent.empty());  // as it was at the opening
}

TEST_CASE("ledger: the file is readable by its owner alone, and marked as a ledger")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    struct stat info;
    REQUIRE(stat(f.path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(sqlite::kind_of(f.path, sqlite::ledger_schema()) == sqlite::file_kind::ours);
    CHECK(sqlite::kind_of(f.path, sqlite::cache_schema()) == sqlite::file_kind::foreign);
}

TEST_CASE("ledger: everything that is written survives a reopening")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    ledger_page p = page({{m0, 3}, {m0 + 1, 1'000'000'000}},
                         {{m0 / 10, "", 1}, {m0 / 10, "etl", 2}, {m0 / 10, std::string("\0'\xff", 3), 5}});
    p.any_day_until = t0 + 25h;
    p.paused_until = t0 + 42s;
    CHECK(write(*f.l, p));
    const ledger_page& kept = f.reopened();
    REQUIRE(kept.spent.size() == 2);
    CHECK(kept.spent[0].at == m0);
    CHECK(kept.spent[0].count == 3);
    CHECK(kept.spent[1].count == 1'000'000'000);
    REQUIRE(kept.shares.size() == 3);
    CHECK(kept.shares[0].tool == "");
    CHECK(kept.shares[1].tool == std::string("\0'\xff", 3));
    CHECK(kept.shares[2].count == 2);
    CHECK(kept.time == p.time);
    CHECK(kept.wall == p.wall);
    CHECK(kept.steady == p.steady);
    CHECK(kept.boot == "boot");
    CHECK(kept.any_day_until == p.any_day_until);
    CHECK(kept.paused_until == p.paused_until);
    CHECK_FALSE(kept.clean);
    CHECK(f.warnings == "");
}

TEST_CASE("ledger: the newest count of a minute counts, and one of zero goes")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}, {m0 + 1, 4}, {m0 + 2, 5}}, {{m0 / 10, "a", 7}, {m0 / 10, "b", 8}}));
    write(*f.l, page({{m0, 1}, {m0 + 2, 0}}, {{m0 / 10, "a", 0}, {m0 / 10, "b", 9}}));
    const ledger_page& kept = f.reopened();
    REQUIRE(kept.spent.size() == 2);
    CHECK(kept.spent[0].count == 1);
    CHECK(kept.spent[1].count == 4);
    REQUIRE(kept.shares.size() == 1);
    CHECK(kept.shares[0].count == 9);
}

TEST_CASE("ledger: what is before the oldest minute is forgotten")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 1}, {m0 + 9, 2}, {m0 + 10, 3}}, {{m0 / 10, "a", 1}, {m0 / 10 + 1, "a", 2}}));
    ledger_page p = page({});
    p.oldest = (m0 / 10 + 1) * 10;
    write(*f.l, p);
    const ledger_page& kept = f.reopened();
    for (const auto& m : kept.spent) CHECK(m.at >= p.oldest);
    CHECK_FALSE(kept.spent.empty());
    REQUIRE(kept.shares.size() == 1);
    CHECK(kept.shares[0].count == 2);
}

TEST_CASE("ledger: it is clean after a stop alone")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    ledger_page stop = page({{m0, 3}});
    stop.clean = true;
    write(*f.l, stop);
    CHECK(f.reopened().clean);
    CHECK(f.reopened().clean);
    write(*f.l, page({{m0, 4}}));
    CHECK_FALSE(f.reopened().clean);
}

TEST_CASE("ledger: pages are written in order, and those that are queued at the end too")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    std::atomic<int> told{0};
    std::atomic<bool> in_order{true};
    for (int i = 0; i < 200; ++i)
        f.l->write(page({{m0, i}}), [&, i](ledger_state how) {
            if (told++ != i || how != ledger_state::durable) in_order = false;
        });
    f.l.reset();
    CHECK(told == 200);
    CHECK(in_order);
    CHECK(sum(f.reopened()) == 199);
}

TEST_CASE("ledger: a file that is not a ledger of callcache's is never touched")
{
    ledger_file f;
    SUBCASE("a text")
    {
        std::ofstream(f.path) << "my thesis";
    }
    SUBCASE("another program's database")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).execute("CREATE TABLE minute (at, count)");
    }
    SUBCASE("callcache's cache")
    {
        sqlite::prepare_file(f.path, sqlite::cache_schema(), journal::wal, [](const std::string&) {});
    }
    std::string before = f.bytes();
    std::string line = f.open();
    CHECK(contains(line, f.path + " is not a ledger of callcache's"));
    CHECK(contains(line, "not touched"));
    CHECK(contains(line, "budget.path"));
    CHECK(f.bytes() == before);
}

TEST_CASE("ledger: a folder in its place, and a folder that is not there, are refused with the ways out")
{
    ledger_file f;
    std::string good = f.path;
    fs::create_directory(f.path);
    CHECK(contains(f.open(), "is not a file"));
    f.path = f.folder.file("absent/budget.db");
    std::string line = f.open();
    for (const char* part : {"does not exist", "uid", "mkdir -p ", "fsGroup", "budget.path"})
        CHECK(contains(line, part));
}

TEST_CASE("ledger: a file of a newer schema is never touched")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    f.l.reset();
    sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("PRAGMA user_version = 99");
    std::string before = f.bytes();
    std::string line = f.open();
    CHECK(contains(line, "newer callcache"));
    CHECK(contains(line, "99"));
    CHECK(f.bytes() == before);
}

TEST_CASE("ledger: of a corrupt file nothing is believed: the whole day counts as spent")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}, {{m0 / 10, "etl", 3}}));
    f.l.reset();
    SUBCASE("everything behind the header")
    {
        f.damage(100);
    }
    SUBCASE("the last table")
    {
        f.damage(fs::file_size(f.path) - 4096);
    }
    SUBCASE("a table is missing")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("DROP TABLE minute");
    }
    SUBCASE("a value is missing")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("DELETE FROM meta WHERE name = 'time'");
    }
    SUBCASE("cut to nothing")
    {
        fs::resize_file(f.path, 0);
    }
    SUBCASE("cut after its header")
    {
        fs::resize_file(f.path, 100);
    }
    SUBCASE("cut after its first page")
    {
        fs::resize_file(f.path, 4096);
    }
    SUBCASE("half of it")
    {
        fs::resize_file(f.path, fs::file_size(f.path) / 2);
    }
    SUBCASE("its last page is missing")
    {
        fs::resize_file(f.path, fs::file_size(f.path) - 4096);
    }
    SUBCASE("a count is another")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("UPDATE minute SET count = 2");
    }
    SUBCASE("a count is below zero")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("UPDATE minute SET count = -3");
    }
    SUBCASE("a minute is missing")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("DELETE FROM minute");
    }
    SUBCASE("a tool's share is another's")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("UPDATE share SET tool = 'ftl'");
    }
    SUBCASE("a pause has ended")
    {
        sqlite::database(f.path, SQLITE_OPEN_READWRITE)
            .execute("UPDATE meta SET value = 1 WHERE name = 'paused_until'");
    }
    f.now = t0 + 2min;
    const ledger_page& kept = f.reopened();
    CHECK(sum(kept) == 10'000);
    REQUIRE(kept.spent.size() == 1);
    CHECK(kept.spent[0].at == m0 + 2);
    CHECK_FALSE(kept.clean);
    CHECK(kept.time == f.now);
    CHECK(f.warned("was corrupt") == 1);
    CHECK(f.warned("all of the day's budget counts as spent") == 1);
    CHECK(f.warned(f.path) >= 1);
    CHECK(fs::exists(sqlite::corrupt_copy(f.path)));

    f.now = t0 + 10min;
    CHECK(sum(f.reopened()) == 10'000);  // a restart is no way around it
    CHECK(f.l->kept().spent.at(0).at == m0 + 2);
    CHECK(f.warned("was corrupt") == 1);

    f.l.reset();
    fs::remove(f.path);  // the operator's way, as the warning says
    CHECK(f.reopened().spent.empty());
}

TEST_CASE("ledger: whichever byte of the file is another, no less counts as spent than was")
{
    // Thousands of files are begun anew: on a disk that would be a minute of waiting for it.
    const fs::path memory = "/dev/shm";
    ledger_file f{temp_folder(fs::is_directory(memory) ? memory : fs::temp_directory_path())};
    REQUIRE(f.open() == "");
    for (int i = 0; i < 12; ++i)
        write(*f.l, page({{m0 + i, 3 + i}}, {{m0 / 10 + i / 10, "etl", 3}, {m0 / 10 + i / 10, "agent", 2 + i}}));
    const std::int64_t spent = sum(f.reopened());
    f.l.reset();
    {
        // Small pages, so that there are few bytes that mean nothing.
        sqlite::database db(f.path, SQLITE_OPEN_READWRITE);
        db.execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM");
    }
    REQUIRE(sum(f.reopened()) == spent);
    f.l.reset();
    const std::string good = f.bytes();
    f.path = f.folder.file("damaged.db");
    std::size_t refused = 0, seen = 0;
    for (std::size_t at = 0; at < good.size(); ++at)
        for (char flip : {char(0xff), char(1 << at % 8)})
        {
            std::string damaged = good;
            damaged[at] ^= flip;
            std::ofstream(f.path, std::ios::binary) << damaged;
            bool opens = f.open() == "";
            std::int64_t counted = opens ? sum(f.l->kept()) : spent;
            f.l.reset();
            refused += !opens;
            seen += counted == std::int64_t(f.daily);
            CAPTURE(at);
            CAPTURE(int(flip));
            if (counted < spent) CHECK(counted >= spent);
        }
    // The file format's own marks, by which it is known as ours, are no more than a hundred bytes.
    CHECK(refused <= 200);
    CHECK(seen > 500);
}

TEST_CASE("ledger: a file without the log that a kill left beside it is corrupt")
{
    ledger_file killed;
    REQUIRE(killed.open() == "");
    write(*killed.l, page({{m0, 3}}));
    write(*killed.l, page({{m0 + 1, 4}}));
    // What a process leaves that ends here.
    ledger_file f;
    fs::copy_file(killed.path, f.path);
    fs::copy_file(killed.path + "-wal", f.path + "-wal");
    std::int64_t counted = 10'000;
    SUBCASE("it is there")
    {
        counted = 7;
    }
    SUBCASE("it was removed")
    {
        fs::remove(f.path + "-wal");
    }
    SUBCASE("it was emptied")
    {
        fs::resize_file(f.path + "-wal", 0);
    }
    CHECK(sum(f.reopened()) == counted);
    CHECK(sum(f.reopened()) == counted);  // and it stays so
    CHECK(f.warned("was corrupt") == (counted == 7 ? 0 : 1));
}

TEST_CASE("ledger: on a full disk a start after a kill keeps the log, and what is in it")
{
    ledger_file killed;
    REQUIRE(killed.open() == "");
    write(*killed.l, page({{m0, 3}}));
    write(*killed.l, page({{m0 + 1, 4}}));
    ledger_file f;
    fs::copy_file(killed.path, f.path);
    fs::copy_file(killed.path + "-wal", f.path + "-wal");
    {
        full_disk now;
        CHECK(sum(f.reopened()) == 7);
        CHECK_FALSE(write(*f.l, page({{m0 + 2, 5}})));
        f.l.reset();
    }
    CHECK(sum(f.reopened()) == 7);
    CHECK(f.warned("was corrupt") == 0);
}

TEST_CASE("ledger: a file that has ended cleanly is whole without a log, also after a kill that wrote nothing")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    f.l.reset();
    CHECK_FALSE(fs::exists(f.path + "-wal"));
    REQUIRE(f.open() == "");
    ledger_file copy;
    fs::copy_file(f.path, copy.path);
    CHECK(sum(copy.reopened()) == 3);
    CHECK(copy.warnings == "");
}

TEST_CASE("ledger: nothing that goes wrong in a write ends the process")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    // Another ledger, corrupt, takes its place; and the warning about it cannot be made.
    f.warnings_fail = true;
    {
        ledger_file other;
        REQUIRE(other.open() == "");
        other.l.reset();
        other.damage(100);
        fs::rename(other.path, f.path);
    }
    CHECK_FALSE(write(*f.l, page({{m0 + 1, 4}})));
    f.warnings_fail = false;
    CHECK(write(*f.l, page({{m0 + 2, 5}})));
    CHECK(sum(f.reopened()) == 12);
}

TEST_CASE("ledger: a file that is deleted while it is used is begun anew, with everything")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}, {{m0 / 10, "etl", 3}}));
    f.l.reset();
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0 + 1, 4}}));
    for (const char* suffix : {"", "-wal"}) fs::remove(f.path + suffix);
    CHECK(write(*f.l, page({{m0 + 2, 5}})));
    CHECK(fs::exists(f.path));
    const ledger_page& kept = f.reopened();
    CHECK(sum(kept) == 12);
    CHECK(kept.shares.size() == 1);
    CHECK(f.warned("was corrupt") == 0);
}

TEST_CASE("ledger: a path of which the system does not say what is there leaves the open file in use")
{
    ledger_file f;
    const std::string folder = f.folder.file("data");
    fs::create_directory(folder);
    f.path = folder + "/budget.db";
    REQUIRE(f.open() == "");
    CHECK(write(*f.l, page({{m0, 3}})));
    {
        hidden_folder hidden(folder);
        CHECK(write(*f.l, page({{m0, 5}})));
        CHECK(f.warnings.empty());
        f.l.reset();
    }
    REQUIRE(f.open() == "");
    CHECK(sum(f.l->kept()) == 5);
}

TEST_CASE("ledger: a mistake in one who is told ends nothing: the next page is written, and it is said")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    f.l->write(page({{m0, 3}}), [](ledger_state) { throw std::length_error("a mistake in a test"); });
    CHECK(write(*f.l, page({{m0, 5}})));
    CHECK(f.warnings.find("a mistake in a test") != std::string::npos);
    REQUIRE(f.open() == "");
    CHECK(sum(f.l->kept()) == 5);
}

TEST_CASE("ledger: another ledger put in its place while it is used holds what we know, and nothing else")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    {
        ledger_file other;
        REQUIRE(other.open() == "");
        write(*other.l, page({{m0 + 5, 100}}, {{m0 / 10, "etl", 100}}));
        other.l.reset();
        fs::rename(other.path, f.path);
    }
    CHECK(write(*f.l, page({{m0 + 1, 4}})));
    const ledger_page& kept = f.reopened();
    CHECK(sum(kept) == 7);
    CHECK(kept.shares.empty());
    CHECK(f.warnings == "");
}

TEST_CASE("ledger: once its lock is removed or replaced nothing is written any more, for good, and it says so once")
{
    ledger_file f;
    f.locked = true;
    REQUIRE(f.open() == "");
    CHECK(write(*f.l, page({{m0, 3}})));
    const std::string lock = f.path + "-lock", elsewhere = f.folder.file("elsewhere");
    SUBCASE("the lock is removed")
    {
        fs::remove(lock);
    }
    SUBCASE("another lock is in its place")
    {
        fs::remove(lock);
        std::ofstream(lock) << "process 4711";
    }
    SUBCASE("the ledger too")
    {
        for (const char* suffix : {"", "-wal", "-lock"}) fs::remove(f.path + suffix);
    }
    SUBCASE("the lock comes back")
    {
        fs::rename(lock, elsewhere);
        CHECK(written(*f.l, page({{m0 + 1, 4}})) == ledger_state::not_ours);
        fs::rename(elsewhere, lock);
    }
    const std::string before = fs::exists(f.path) ? f.bytes() : "";
    CHECK(written(*f.l, page({{m0 + 1, 4}})) == ledger_state::not_ours);
    CHECK(written(*f.l, page({{m0 + 2, 5}})) == ledger_state::not_ours);
    f.l.reset();
    CHECK((fs::exists(f.path) ? f.bytes() : "") == before);
    CHECK(f.warned("nothing is sent to Gong any more: " + lock) == 1);
    CHECK(f.warned("Restart callcache") == 1);
    CHECK(f.warned("cannot be written") == 0);
}

TEST_CASE("ledger: one that is not ours any more takes nothing from the one that another process has made")
{
    ledger_file f, other;
    f.locked = other.locked = true;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    for (const char* suffix : {"", "-wal", "-lock"}) fs::remove(f.path + suffix);
    other.path = f.path;
    REQUIRE(other.open() == "");
    CHECK(write(*other.l, page({{m0 + 1, 4}})));
    SUBCASE("it writes, and ends")
    {
        CHECK(written(*f.l, page({{m0 + 2, 5}})) == ledger_state::not_ours);
    }
    SUBCASE("it only ends") {}
    f.l.reset();
    CHECK(write(*other.l, page({{m0 + 3, 6}})));
    // What a kill of the other leaves.
    ledger_file copy;
    fs::copy_file(f.path, copy.path);
    fs::copy_file(f.path + "-wal", copy.path + "-wal");
    CHECK(sum(copy.reopened()) == 10);
}

TEST_CASE("ledger: a file of the first schema is brought up to date, with what is in it, and checked from then on")
{
    ledger_file f;
    {
        sqlite::schema first = sqlite::ledger_schema();
        first.steps = first.steps.first(1);
        first.probes = {};
        first.sealed = nullptr;
        sqlite::prepare_file(f.path, first, journal::wal_alone, [](const std::string&) {});
        sqlite::database db(f.path, SQLITE_OPEN_READWRITE);
        db.execute(("INSERT INTO minute VALUES (" + std::to_string(m0) +
                    ", 3); UPDATE meta SET value = 'boot' "
                    "WHERE name = 'boot'; UPDATE meta SET value = 0 WHERE name = 'clean'")
                       .c_str());
    }
    CHECK(sum(f.reopened()) == 3);
    CHECK(f.l->kept().boot == "boot");
    CHECK_FALSE(f.l->kept().clean);
    f.l.reset();
    CHECK(sqlite::database(f.path, SQLITE_OPEN_READWRITE).integer("PRAGMA user_version") == 2);
    sqlite::database(f.path, SQLITE_OPEN_READWRITE).execute("UPDATE minute SET count = 2");
    CHECK(sum(f.reopened()) == 10'000);
}

TEST_CASE("ledger: one whose schema's version is another is corrupt, or a newer one's")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    f.l.reset();
    for (int version : {0, 1})
    {
        CAPTURE(version);
        sqlite::database(f.path, SQLITE_OPEN_READWRITE)
            .execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
        CHECK(sum(f.reopened()) == 10'000);
        f.l.reset();
    }
}

TEST_CASE("ledger: another file put in its place while it is used is not touched, and nothing is lost")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    for (const char* suffix : {"", "-wal"}) fs::remove(f.path + suffix);
    std::ofstream(f.path) << "my thesis";
    CHECK_FALSE(write(*f.l, page({{m0 + 1, 4}})));
    CHECK_FALSE(write(*f.l, page({{m0 + 2, 5}})));
    CHECK(f.bytes() == "my thesis");
    CHECK(f.warned("cannot be written") == 1);
    fs::remove(f.path);
    CHECK(write(*f.l, page({{m0 + 3, 6}})));
    CHECK(sum(f.reopened()) == 18);
}

TEST_CASE("ledger: a disk that is full: it counts from memory, says so once, and writes everything when it can")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    CHECK(write(*f.l, page({{m0, 3}})));
    {
        full_disk now;
        CHECK_FALSE(write(*f.l, page({{m0 + 1, 4}}, {{m0 / 10, "etl", 3}})));
        CHECK_FALSE(write(*f.l, page({{m0, 2}, {m0 + 2, 5}})));
        CHECK_FALSE(write(*f.l, page({{m0 + 1, 0}, {m0 + 3, 6}})));
    }
    CHECK(f.warned("cannot be written") == 1);
    CHECK(f.warned("can be written again") == 0);
    CHECK(write(*f.l, page({{m0 + 4, 7}})));
    CHECK(f.warned("can be written again") == 1);
    const ledger_page& kept = f.reopened();
    CHECK(sum(kept) == 2 + 5 + 6 + 7);
    CHECK(kept.spent.size() == 4);
    CHECK(kept.shares.size() == 1);
}

TEST_CASE("ledger: on a full disk a start does not destroy what is kept")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    f.l.reset();
    {
        full_disk now;
        f.open();
        f.l.reset();
    }
    CHECK(sum(f.reopened()) == 3);
    CHECK(f.warned("was corrupt") == 0);
}

TEST_CASE("ledger: a corrupt file on a full disk is still known as corrupt when there is room again")
{
    ledger_file f;
    REQUIRE(f.open() == "");
    write(*f.l, page({{m0, 3}}));
    f.l.reset();
    f.damage(100);
    {
        full_disk now;
        CHECK(f.open() != "");
    }
    CHECK(sum(f.reopened()) == 10'000);
}

TEST_SUITE_END();
