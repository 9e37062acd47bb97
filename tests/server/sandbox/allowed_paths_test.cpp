#include "server/sandbox/allowed_paths.hpp"

#include "cache/schema.hpp"
#include "config/keys.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

using namespace callcache;
using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

// Folders and links of a test's own, by their names below one folder.
struct tree
{
    temp_folder folder;
    fs::path top = fs::canonical(folder.path());

    std::string path(const std::string& name) const { return (top / name).string(); }
    void file(const std::string& name) const
    {
        fs::create_directories((top / name).parent_path());
        std::ofstream(top / name) << "x";
    }
    void link(const std::string& name, const std::string& target) const { fs::create_symlink(target, top / name); }

    // What of this folder is in reach for reading, by name.
    std::vector<std::string> read(const settings& s) const { return mine(allowed_paths_of(s).reads); }
    std::vector<std::string> written(const settings& s) const { return mine(allowed_paths_of(s).writes); }

    std::vector<std::string> mine(const std::vector<std::string>& paths) const
    {
        std::vector<std::string> names;
        for (const std::string& p : paths)
            if (p.starts_with(top.string())) names.push_back(fs::relative(p, top).string());
        return names;
    }
};

using names = std::vector<std::string>;

settings with_secret(const std::string& path)
{
    settings s;
    s.cache.path = ":memory:";
    s.credentials.access_key_file = path;
    return s;
}

}  // namespace

TEST_CASE("reach: the folder of a file, and not the file, so that another of its name stays within reach")
{
    tree t;
    t.file("secrets/key");
    t.file("other/file");
    CHECK(t.read(with_secret(t.path("secrets/key"))) == names{"secrets"});
    CHECK(t.read(with_secret(t.path("other/../secrets/./key"))) == names{"secrets"});
    CHECK(t.read(with_secret(t.path("secrets/not-there-yet"))) == names{"secrets"});
    CHECK(t.read(with_secret(t.path("no/such/folder"))).empty());
}

TEST_CASE("reach: links that are swapped as Kubernetes does it, whichever of them is named")
{
    tree t;
    t.file("secrets/..2026_11_24/key");
    t.link("secrets/..data", "..2026_11_24");
    t.link("secrets/key", "..data/key");
    CHECK(t.read(with_secret(t.path("secrets/key"))) == names{"secrets"});
    CHECK(t.read(with_secret(t.path("secrets/..data/key"))) == names{"secrets"});
}

TEST_CASE("reach: a link that leads elsewhere opens both folders, and not what lies above them")
{
    tree t;
    t.file("vault/deep/key");
    t.file("home/mine/other");
    t.link("home/mine/key", t.path("vault/deep/key"));
    t.link("run", t.path("vault"));
    CHECK(t.read(with_secret(t.path("home/mine/key"))) == names{"home/mine", "vault/deep"});
    // `run` stands in the top folder and leads to something in it, as `current -> releases/5` does.
    CHECK(t.read(with_secret(t.path("run/deep/key"))) == names{"."});
    t.link("home/away", t.path("vault"));
    CHECK(t.read(with_secret(t.path("home/away/deep/key"))) == names{"vault/deep"});
}

TEST_CASE("reach: links in a circle end")
{
    tree t;
    t.link("a", "b");
    t.link("b", "a");
    CHECK(t.read(with_secret(t.path("a/key"))).size() <= 1);
}

TEST_CASE("reach: every file that the configuration can name is read, and also those of the environment")
{
    for (const config_key& key : config_keys())
    {
        if (!key.path.ends_with("_file")) continue;
        INFO(key.path);
        tree t;
        t.file("named/file");
        settings s = with_secret("");
        REQUIRE(key.set(s, {raw_value::kind::text, t.path("named/file")}));
        CHECK(t.read(s) == names{"named"});
    }
    tree t;
    t.file("config/callcache.json");
    t.file("certificates/one.pem");
    settings s = with_secret("");
    s.also_read = {t.path("config/callcache.json"), t.path("certificates")};
    CHECK(t.read(s) == names{"certificates", "config"});
}

TEST_CASE("reach: the folders of database and ledger are written, and of a link the one that it leads to")
{
    tree t;
    t.file("data/cache.db");
    t.file("disk/large.db");
    t.file("ledger/budget");
    settings s;
    s.cache.path = t.path("data/cache.db");
    CHECK(t.written(s) == names{"data"});
    CHECK(t.read(s).empty());
    s.budget.path = t.path("ledger/budget");
    CHECK(t.written(s) == names{"data", "ledger"});
    t.link("data/linked.db", t.path("disk/large.db"));
    s.cache.path = t.path("data/linked.db");
    CHECK(t.written(s) == names{"disk", "ledger"});
    s.budget.path = "";  // beside the database
    CHECK(t.written(s) == names{"disk"});
    fs::remove(t.path("disk/large.db"));
    CHECK(t.written(s) == names{"disk"});
    t.link("data/circle.db", "circle.db");
    s.cache.path = t.path("data/circle.db");
    CHECK(t.written(s).empty());
    s.budget.path = t.path("ledger/budget");
    s.cache.path = ":memory:";
    CHECK(t.written(s) == names{"ledger"});
    s.budget.path = "";
    CHECK(allowed_paths_of(s).writes.empty());
}

TEST_CASE("reach: a secret beside the database needs no rule of its own")
{
    tree t;
    t.file("all/cache.db");
    t.file("all/secrets/key");
    settings s = with_secret(t.path("all/secrets/key"));
    s.cache.path = t.path("all/cache.db");
    CHECK(t.written(s) == names{"all"});
    CHECK(t.read(s).empty());
}

TEST_CASE("reach: a file right below / is in reach itself, as its folder would be everything")
{
    for (const std::string& path : allowed_paths_of(with_secret("/callcache-test-key")).reads) CHECK(path != "/");
}

TEST_CASE("reach: what libraries read is in it")
{
    auto reads = allowed_paths_of(with_secret("")).reads;
    for (const char* path : {"/etc", "/dev/urandom", "/usr/lib"})
        CHECK(std::find(reads.begin(), reads.end(), path) != reads.end());
}

TEST_CASE("reach: what is not callcache's in a folder that it may write is named, one for each folder")
{
    tree t;
    for (const char* ours :
         {"data/c.db", "data/c.db-wal", "data/c.db-budget", "data/c.db-budget-lock", "data/lost+found/x"})
        t.file(ours);
    settings s;
    s.cache.path = t.path("data/c.db");
    CHECK(strangers_in_reach(s).empty());
    for (const char* others : {"data/other.db", "data/other.db-wal", "data/other.db-lock"}) t.file(others);
    CHECK(strangers_in_reach(s).size() == 1);
    std::string header(100, '\0');
    header.replace(0, 15, "SQLite format 3");
    for (int i = 0; i < 4; ++i)
        header[std::size_t(68 + i)] = char(sqlite::cache_schema().application_id >> (24 - 8 * i));
    std::ofstream(t.path("data/other.db"), std::ios::binary) << header;
    CHECK(strangers_in_reach(s).empty());
    t.file("data/c.db.old");
    CHECK(strangers_in_reach(s) == names{t.path("data/c.db.old")});
    t.file("ledger/notes");
    s.budget.path = t.path("ledger/budget");
    fs::remove(t.path("data/c.db.old"));
    fs::create_directory(t.path("data/.git"));
    CHECK(strangers_in_reach(s) == names{t.path("data/.git"), t.path("ledger/notes")});
    s.cache.path = t.path("absent/c.db");
    s.budget.path = ":memory:";
    CHECK(strangers_in_reach(s).empty());
    s.cache.path = ":memory:";
    CHECK(strangers_in_reach(s).empty());
}

TEST_CASE("reach: the ports are those that are listened on, DNS's, and upstream's or that of the proxy before it")
{
    settings s;
    using ports = std::vector<std::uint16_t>;
    CHECK(allowed_ports_of(s).bind == ports{4664, 4665});
    CHECK(allowed_ports_of(s).connect == ports{53, 443});
    s.server.listen = {"[::1]:0", "localhost:80"};
    s.server.admin = {};
    s.upstream.url = "http://localhost:9000";
    CHECK(allowed_ports_of(s).bind == ports{0, 80});
    CHECK(allowed_ports_of(s).connect == ports{53, 9000});
    s.upstream.proxy = "http://user:password@proxy:3128";
    CHECK(allowed_ports_of(s).connect == ports{53, 3128});
    CHECK(allowed_ports_of(s, 8443).connect == ports{53, 3128, 8443});
}
