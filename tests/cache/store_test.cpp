// One suite for every store: what is put is found, what is dropped is not, whatever is written when.

#include "cache/file_system.hpp"
#include "cache/store.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <map>

#include <fcntl.h>
#include <linux/magic.h>
#include <unistd.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

entry_ptr an_entry(const std::string& body, wall_time sent_at = t0)
{
    auto e = std::make_shared<entry>();
    e->body = body;
    e->content_type = "application/json";
    e->etag = "\"e\"";
    e->sent_at = sent_at;
    e->fresh_for = 5min;
    return e;
}

entry_key key(const std::string& name, partition_id p = 1)
{
    return entry_key(key_view{p, name});
}

entry_ptr find(store& s, const entry_key& k)
{
    return wait_for<entry_ptr>([&](auto done) { s.find(k, done); });
}

// To look at the file beside SQLite. Its end takes SQLite's locks away (nowait_vfs.hpp), which nobody asks for here.
struct open_descriptor
{
    explicit open_descriptor(const std::string& path) : number(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~open_descriptor() { close(number); }
    const int number;
};

// Where files are not in memory alone: that of the sources, where the temporary folder is not such a one.
std::filesystem::path a_folder_on_a_disk()
{
    const auto usual = std::filesystem::temp_directory_path();
    return file_system_at(usual.string()) == TMPFS_MAGIC ? std::filesystem::path(CALLCACHE_SOURCE) / "build" : usual;
}

struct sqlite_file
{
    temp_folder folder;
    store_options options;
    std::vector<std::string> warnings;
    std::unique_ptr<store> s;

    explicit sqlite_file(const std::filesystem::path& in = std::filesystem::temp_directory_path()) : folder(in)
    {
        options.path = folder.file("cache.db");
        options.keep_max = 30 * 24h;
        options.clock = [] { return t0; };
        options.warn = [](const std::string&) {};
        open();
    }
    store& open()
    {
        s.reset();
        auto opened = open_sqlite_store(options);
        if (auto* r = std::get_if<store_refused>(&opened)) FAIL(r->text);
        s = std::move(std::get<std::unique_ptr<store>>(opened));
        if (s->kept_partitions().empty())
            for (partition_id p : {1, 2})
            {
                digest name{};
                name[0] = std::uint8_t(p);
                s->put_partition({p, name, t0, t0});
            }
        return *s;
    }
};

}  // namespace

TEST_SUITE_BEGIN("threads: stores");

TEST_CASE("the empty store keeps nothing, and says yes to everything")
{
    auto s = make_empty_store();
    s->put(key("1"), an_entry("a"));
    CHECK(find(*s, key("1")) == nullptr);
    CHECK(wait_for<bool>([&](auto done) { s->drop_all(done); }));
    CHECK(wait_for<bool>([&](auto done) { s->drop_name("1", done); }));
    CHECK(s->salt().size() == 32);
    CHECK(make_empty_store()->salt() != s->salt());
}

TEST_CASE("what is put is found at once and after opening again, byte for byte")
{
    sqlite_file f;
    std::string odd("{\"a\":\"\0\xff\n\"}", 12);
    f.s->put(key("1"), an_entry(odd));
    for (int i = 0; i < 2; ++i)
    {
        entry_ptr e = find(*f.s, key("1"));
        REQUIRE(e);
        CHECK(e->body == odd);
        CHECK(e->content_type == "application/json");
        CHECK(e->etag == "\"e\"");
        CHECK(e->sent_at == t0);
        CHECK(e->fresh_for == 5min);
        CHECK_FALSE(e->is_negative);
        f.open();
    }
    CHECK(find(*f.s, key("2")) == nullptr);
    CHECK(find(*f.s, key("1", 2)) == nullptr);
}

TEST_CASE("which answer an entry came with is known after opening again")
{
    sqlite_file f;
    for (source from : {source::lookup, source::bulk, source::list})
    {
        auto e = std::make_shared<entry>(*an_entry("a"));
        e->from = from;
        f.s->put(key(std::to_string(int(from))), e);
    }
    f.open();
    for (source from : {source::lookup, source::bulk, source::list})
        CHECK(find(*f.s, key(std::to_string(int(from))))->from == from);
}

TEST_CASE("a negative and a private entry come back as such")
{
    sqlite_file f;
    auto e = std::make_shared<entry>(*an_entry("gone"));
    e->is_negative = true;
    e->missing_since = t0 - 1h;
    f.s->put(key("1"), e);
    auto p = std::make_shared<entry>(*an_entry("mine"));
    p->is_private = true;
    f.s->put(key("2"), p);
    f.open();
    CHECK(find(*f.s, key("1"))->is_negative);
    CHECK(find(*f.s, key("1"))->missing_since == t0 - 1h);
    CHECK(find(*f.s, key("2"))->is_private);
}

TEST_CASE("the names of what is a credential's own are read at the opening, if that is asked for")
{
    sqlite_file f;
    auto negative = std::make_shared<entry>(*an_entry("gone"));
    negative->is_negative = true;
    auto secret = std::make_shared<entry>(*an_entry("mine", t0 + 1s));
    secret->is_private = true;
    f.s->put(key("1"), an_entry("shared"));
    f.s->put(key("2"), negative);
    f.s->put(key("3", 2), secret);
    f.s->put(key("4"), std::make_shared<entry>(forbidden_mark(t0 + 2s)));
    f.s->put(key("5"), negative);
    f.s->put(key("5"), an_entry("found after all", t0 + 3s));
    CHECK(f.open().take_private_overrides().empty());
    f.options.reads_private_overrides = true;
    auto names = f.open().take_private_overrides();
    REQUIRE(names.size() == 3);
    std::map<std::string, private_override> by_name;
    for (const private_override& n : names) by_name[n.key.name] = n;
    CHECK(by_name["2"].sent_at == t0);
    CHECK(by_name["3"].key == key("3", 2));
    CHECK(by_name["3"].sent_at == t0 + 1s);
    CHECK(by_name["4"].sent_at == t0 + 2s);
    CHECK(f.s->take_private_overrides().empty());

    wait_for<bool>([&](auto done) { f.s->drop_all(done); });
    CHECK(f.open().take_private_overrides().empty());
}

TEST_CASE("a mark that a credential may not read a call outlives the drop of its name, and not that of everything")
{
    sqlite_file f;
    for (const char* name : {"1", "2"}) f.s->put(key(name), std::make_shared<entry>(forbidden_mark(t0)));
    f.s->put(key("1", 2), an_entry("a"));
    wait_for<bool>([&](auto done) { f.s->drop_name("1", done); });
    CHECK(find(*f.s, key("1", 2)) == nullptr);
    f.open();
    REQUIRE(find(*f.s, key("1")));
    CHECK(find(*f.s, key("1"))->is_passed);
    wait_for<bool>([&](auto done) { f.s->drop_all(done); });
    CHECK(find(*f.s, key("2")) == nullptr);
    f.open();
    CHECK(find(*f.s, key("2")) == nullptr);
}

TEST_CASE("the entry that was sent for later stays, in whichever order they are put")
{
    sqlite_file f;
    f.s->put(key("1"), an_entry("new", t0 + 5s));
    f.s->put(key("1"), an_entry("old", t0));
    CHECK(find(*f.s, key("1"))->body == "new");
    f.open();
    f.s->put(key("1"), an_entry("old", t0));
    f.open();
    CHECK(find(*f.s, key("1"))->body == "new");
    f.s->put(key("1"), an_entry("newer", t0 + 6s));
    f.open();
    CHECK(find(*f.s, key("1"))->body == "newer");
}

TEST_CASE("an entry that was kept while the clock was years ahead gives way")
{
    sqlite_file f;
    f.s->put(key("1"), an_entry("from the future", t0 + 1000 * 24h));
    f.open();
    f.s->put(key("1"), an_entry("now", t0));
    f.open();
    CHECK(find(*f.s, key("1"))->body == "now");
}

TEST_CASE("what the system has in memory is found at once; a long body, and what is dropped or purged, is not")
{
    sqlite_file f;
    f.s->put(key("1"), an_entry("short"));
    f.s->put(key("2"), an_entry(std::string((64 << 10) + 1, 'x')));
    f.s->put(key("3"), an_entry("dropped"));
    CHECK(f.s->find_at_once(key("1"))->body == "short");  // queued
    f.open();
    REQUIRE(f.s->find_at_once(key("1")));
    CHECK(f.s->find_at_once(key("1"))->body == "short");
    CHECK(f.s->find_at_once(key("1", 2)) == nullptr);
    CHECK(f.s->find_at_once(key("2")) == nullptr);
    CHECK(find(*f.s, key("2"))->body.size() == (64 << 10) + 1);
    f.s->drop(key("3"), t0);
    CHECK(f.s->find_at_once(key("3")) == nullptr);
    f.s->drop_all([](bool) {});
    CHECK(f.s->find_at_once(key("1")) == nullptr);
}

TEST_CASE("what the disk alone has is not waited for, and is found at once after it was read")
{
    sqlite_file f{a_folder_on_a_disk()};
    for (int i = 0; i < 2000; ++i) f.s->put(key(std::to_string(i)), an_entry(std::string(1000, 'x')));
    // The kernel begins to read what it does not have, and where the disk is fast it has it before the read fails.
    bool was_refused = false;
    for (int attempt = 0; attempt < 50 && !was_refused; ++attempt)
    {
        f.open();
        open_descriptor file(f.options.path);
        fsync(file.number);
        REQUIRE(posix_fadvise(file.number, 0, 0, POSIX_FADV_DONTNEED) == 0);
        was_refused = f.s->find_at_once(key("1000")) == nullptr;
    }
    CHECK(was_refused);
    CHECK(find(*f.s, key("1000"))->body.size() == 1000);
    CHECK(f.s->find_at_once(key("1000"))->body.size() == 1000);
}

TEST_CASE("without a WAL nothing is read at once, as a reader could meet the writer")
{
    sqlite_file f;
    f.options.how = journal::rollback;
    f.open().put(key("1"), an_entry("a"));
    f.open();
    CHECK(f.s->find_at_once(key("1")) == nullptr);
    CHECK(find(*f.s, key("1"))->body == "a");
}

TEST_CASE("what is dropped is not found, from the call on and after opening again")
{
    sqlite_file f;
    for (const char* n : {"1", "2", "3"})
        for (partition_id p : {1, 2}) f.s->put(key(n, p), an_entry(n));
    f.open();
    f.s->drop(key("1"), t0);
    CHECK(find(*f.s, key("1")) == nullptr);
    CHECK(find(*f.s, key("1", 2)));
    f.s->drop(key("2"), t0 - 1s);  // it was sent for later than that
    CHECK(find(*f.s, key("2")));
    CHECK(wait_for<bool>([&](auto done) { f.s->drop_name("3", done); }));
    f.open();
    CHECK(find(*f.s, key("1")) == nullptr);
    CHECK(find(*f.s, key("2")));
    CHECK(find(*f.s, key("3")) == nullptr);
    CHECK(find(*f.s, key("3", 2)) == nullptr);
    f.s->drop_all([](bool) {});
    CHECK(find(*f.s, key("2")) == nullptr);
    f.s->put(key("4"), an_entry("after"));
    f.open();
    CHECK(find(*f.s, key("2")) == nullptr);
    CHECK(find(*f.s, key("4"))->body == "after");
}

TEST_CASE("a name that is dropped goes with every query, under every partition, and no other name does")
{
    sqlite_file f;
    const std::vector<std::string> names{"/v2/users",   "/v2/users?a=1", "/v2/users?",
                                         "/v2/users/5", "/v2/users@x",   "/v2/user"};
    for (const std::string& n : names)
        for (partition_id p : {1, 2}) f.s->put(key(n, p), an_entry(n));
    f.open();
    f.s->drop_name("/v2/users", [](bool) {});
    for (bool written : {false, true})
    {
        for (partition_id p : {1, 2})
            for (const std::string& n : names)
            {
                CAPTURE(n);
                bool gone = n == "/v2/users" || n.starts_with("/v2/users?");
                CHECK((find(*f.s, key(n, p)) == nullptr) == gone);
            }
        if (!written) f.open();
    }
}

TEST_CASE("that something may not be kept is kept")
{
    sqlite_file f;
    auto e = std::make_shared<entry>();
    e->sent_at = t0;
    e->fresh_for = 1h;
    e->is_passed = true;
    f.s->put(key("/v2/users"), e);
    f.open();
    REQUIRE(find(*f.s, key("/v2/users")));
    CHECK(find(*f.s, key("/v2/users"))->is_passed);
}

TEST_CASE("partitions and the salt outlive the process; a refused credential stays refused")
{
    sqlite_file f;
    std::string salt = f.s->salt();
    CHECK(salt.size() == 32);
    digest name{};
    name[0] = 1;
    f.s->put_partition({1, name, std::nullopt, t0 + 1h});
    f.open();
    CHECK(f.s->salt() == salt);
    auto kept = f.s->kept_partitions();
    REQUIRE(kept.size() == 2);
    CHECK(kept[0].name == name);
    CHECK_FALSE(kept[0].confirmed_at.has_value());
    CHECK(kept[0].used_at == t0 + 1h);
    CHECK(kept[1].confirmed_at == t0);
}

TEST_CASE("readers and a writer at once see whole entries alone")
{
    sqlite_file f;
    std::atomic<bool> wrong{false};
    std::atomic<int> found{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < 2; ++n)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 500; ++i)
            {
                std::string name = std::to_string(i % 50);
                if (n == 0) f.s->put(key(name), an_entry(std::string(1000, 'a') + name, t0 + i * 1s));
                if (n == 0 && i % 7 == 0) f.s->drop(key(name), wall_time::max());
                entry_ptr e = find(*f.s, key(name));
                found += e != nullptr;
                if (e && e->body != std::string(1000, 'a') + name) wrong = true;
            }
        });
    for (auto& t : threads) t.join();
    CHECK_FALSE(wrong);
    CHECK(found > 0);
}

TEST_SUITE_END();
