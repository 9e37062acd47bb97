// Two processes and one budget: the second does not start, whatever the files are called; and if somebody takes the
// files away from under the first, that one stops.

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

const std::string key = sim::basic("key", "secret");

struct two_processes
{
    static sim::vendor_options options()
    {
        sim::vendor_options o;
        o.keys[key] = {};
        o.limits = {0, 0};
        o.catalogue.not_found_every = 0;
        return o;
    }
    finished second(const std::vector<std::string>& further) const
    {
        std::vector<std::string> a{"serve",       "--listen",   "127.0.0.1:0", "--admin",
                                   "127.0.0.1:0", "--upstream", vendor.url()};
        a.insert(a.end(), further.begin(), further.end());
        return run(callcache_program, a);
    }

    temp_folder folder;
    vendor_thread vendor{options()};
    std::string file = folder.file("disk/cache.db"), link = folder.file("link.db");
};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("two processes: a link and the file that it leads to are one, also before the file is there")
{
    two_processes t;
    fs::create_directory(t.folder.file("disk"));
    fs::create_symlink("disk/cache.db", t.link);
    {
        serving first(t.vendor.url(), t.link);
        REQUIRE(first.port != 0);
        CHECK(fs::is_symlink(t.link));
        CHECK(fs::exists(t.file));
        CHECK(plain_client(first.port).get("/v2/calls/" + t.vendor.catalogue().id(1), key).status == 200);
        finished second = t.second({"--db", t.file});
        CHECK(second.code == 1);
        CHECK(contains(second.output, "the database " + t.file + " is in use by process "));
        // The ledger, which has its own lock, is one too.
        finished live = run(callcache_program, {"check", "--upstream", t.vendor.url(), "--db", t.file, "--live"},
                            {{"GONG_ACCESS_KEY=key", "GONG_ACCESS_KEY_SECRET=secret"}, "", 0});
        CHECK(contains(live.output, "budget: failed: a callcache that runs (process "));
    }
    serving first(t.vendor.url(), t.file);
    REQUIRE(first.port != 0);
    finished second = t.second({"--db", t.link});
    CHECK(second.code == 1);
    CHECK(contains(second.output, "is in use by process "));
    fs::create_symlink("disk/cache.db-budget", t.folder.file("budget"));
    second = t.second({"--db", t.folder.file("other.db"), "--set", "budget.path=" + t.folder.file("budget")});
    CHECK(second.code == 1);
    CHECK(contains(second.output, "the budget's ledger " + t.file + "-budget is in use by process "));
    finished copied = run(callcache_program, {"snapshot", t.folder.file("copy.db"), "--db", t.link});
    CHECK(copied.code == 0);
    CHECK(contains(copied.output, "1 calls"));
}

TEST_CASE("two processes: links in a circle are refused at the start, by every command that would follow them")
{
    two_processes t;
    fs::create_symlink("link.db", t.link);
    const std::string why = "cache.path: " + t.link + " is a symbolic link";
    finished served = t.second({"--db", t.link});
    CHECK(served.code == 1);
    CHECK(contains(served.output, why));
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"check"}, {"snapshot", t.folder.file("copy.db")}})
    {
        std::vector<std::string> a = command;
        a.insert(a.end(), {"--db", t.link});
        finished done = run(callcache_program, a);
        CAPTURE(done.output);
        CHECK(done.code == 1);
        CHECK(contains(done.output, why));
    }
    CHECK(fs::is_symlink(t.link));
}

TEST_CASE("two processes: when the ledger's files are removed under the first, it stops and the second alone sends")
{
    two_processes t;
    const std::string ledger = t.folder.file("ledger");
    serving first(t.vendor.url(), t.folder.file("one.db"), {"--set", "budget.path=" + ledger});
    REQUIRE(first.port != 0);
    plain_client tools(first.port);
    REQUIRE(tools.get("/v2/calls/" + t.vendor.catalogue().id(1), key).status == 200);
    for (const char* suffix : {"", "-wal", "-lock"}) fs::remove(ledger + suffix);
    serving second(t.vendor.url(), t.folder.file("two.db"), {"--set", "budget.path=" + ledger});
    REQUIRE(second.port != 0);

    std::size_t sent = 0;  // on what was leased before
    for (std::uint64_t n = 2; n < 12; ++n)
        if (tools.get("/v2/calls/" + t.vendor.catalogue().id(n), key).status == 200) ++sent;
    CHECK(sent < 3);
    CHECK(t.vendor.requests() == 1 + sent);
    auto refused = tools.get("/v2/calls/" + t.vendor.catalogue().id(20), key);
    CHECK(refused.status == 503);
    CHECK(contains(refused.body, "nothing is sent to Gong any more"));
    CHECK(tools.get("/v2/calls/" + t.vendor.catalogue().id(1), key).status == 200);
    CHECK(contains(first.process.output(), ledger + "-lock"));
    CHECK(plain_client(second.port).get("/v2/calls/" + t.vendor.catalogue().id(20), key).status == 200);
}

TEST_SUITE_END();
