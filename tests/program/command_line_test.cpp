// The program as a user types it: commands, exit codes, messages.

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

// The files in the folder whose names begin so.
std::vector<std::string> names_with(const temp_folder& folder, const std::string& begin)
{
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder.path()))
        if (file.path().filename().string().starts_with(begin)) names.push_back(file.path().filename().string());
    return names;
}

finished typed(const std::vector<std::string>& arguments, const child::wishes& w = {})
{
    return run(callcache_program, arguments, w);
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("help and version are there, and wrong usage exits with 2")
{
    finished help = typed({"--help"});
    CHECK(help.code == 0);
    for (const char* part : {"serve", "check", "health", "explain", "purge", "reload", "snapshot", "resume", "warm",
                             "http://localhost:4664"})
        CHECK(contains(help.output, part));
    finished serve = typed({"serve", "--help"});
    CHECK(serve.code == 0);
    for (const char* part : {"--listen", "--admin", "--upstream", "--db", "--set", "--config", "Example:"})
        CHECK(contains(serve.output, part));
    CHECK(typed({"--version"}).output == "callcache 0.1.0\n");
    CHECK(typed({}).code == 2);
    CHECK(typed({"srve"}).code == 2);
    CHECK(typed({"serve", "--nonsense"}).code == 2);
    CHECK(typed({"help"}).output == help.output);
    CHECK(typed({"help", "serve"}).output == serve.output);
    CHECK(typed({"help", "srve"}).code == 2);
}

TEST_CASE(
    "a mistyped command or flag is told with the one that was meant, and what is no id with what an id looks like")
{
    auto told = [](const std::vector<std::string>& arguments) {
        finished r = typed(arguments);
        CHECK(r.code == 2);
        CHECK(contains(r.output, "\nMore: callcache help\n"));
        return r.output.substr(0, r.output.find('\n'));
    };
    CHECK(told({}) == "callcache: a command is missing, such as `callcache serve`");
    CHECK(told({"srve"}) == "callcache: there is no command \"srve\"; did you mean serve?");
    CHECK(told({"help", "srve"}) == "callcache: there is no command \"srve\"; did you mean serve?");
    CHECK(told({"start"}) == "callcache: there is no command \"start\"; did you mean serve?");
    CHECK(told({"abcdefgh"}) == "callcache: there is no command \"abcdefgh\"");
    CHECK(told({"serve", "--lsten", "localhost:1"}) == "callcache: serve has no flag --lsten; did you mean --listen?");
    CHECK(told({"stats", "--wach"}) == "callcache: stats has no flag --wach; did you mean --watch?");
    CHECK(told({"serve", "--watch"}) == "callcache: serve has no flag --watch");
    CHECK(told({"--listen=x", "serve"}) == "callcache: a command comes first, as in `callcache serve --listen=x`");
    for (const char* command : {"explain", "purge"})
        CHECK(contains(told({command, "12ab"}), "\"12ab\" is no call's id. That is 1 to 20 digits, such as "));
}

TEST_CASE("warm and check --live with half a credential name the variable that is missing")
{
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"warm", "--from", "2026-10-01", "--to", "2026-10-02"}, {"check", "--live"}})
    {
        CHECK(contains(typed(command, {{"GONG_ACCESS_KEY=key"}, "", 0}).output, "GONG_ACCESS_KEY_SECRET is missing\n"));
        CHECK(contains(typed(command, {{"GONG_ACCESS_KEY_SECRET=hidden"}, "", 0}).output,
                       "GONG_ACCESS_KEY is missing\n"));
    }
}

TEST_CASE(
    "a configuration with a typo stops the start: the key's path, what was found, what is allowed, the nearest key")
{
    temp_folder folder;
    std::ofstream(folder.file("c.json"))
        << "{ // mine\n \"server\": {\"lisen\": \"localhost:1\"}, \"budget\": {\"rate\": \"fast\"} }";
    finished r = typed({"serve", "--config", folder.file("c.json"), "--db", folder.file("x.db")});
    CHECK(r.code == 1);
    CHECK(contains(r.output, "server.lisen"));
    CHECK(contains(r.output, "did you mean server.listen?"));
    CHECK(contains(r.output, "budget.rate: found \"fast\", allowed is a number from"));
    finished e = typed({"check"}, {{"CALLCACHE_BUDGET_RAT=3"}, "", 0});
    CHECK(e.code == 1);
    CHECK(contains(e.output, "did you mean CALLCACHE_BUDGET_RATE?"));
    finished absent = typed({"check", "--config", folder.file("absent.json")});
    CHECK(absent.code == 1);
    CHECK(absent.output ==
          "callcache: --config: cannot read \"" + folder.file("absent.json") + "\": there is no such file\n");
    CHECK(contains(typed({"check", "--config", folder.path().string()}).output, "is a folder; name the file in it"));
    CHECK_FALSE(std::filesystem::exists(folder.file("x.db")));
}

TEST_CASE("check prints the effective configuration, the later source wins, and no secret is shown")
{
    temp_folder folder;
    std::ofstream(folder.file("c.json"))
        << "{\"budget\": {\"rate\": 2, \"burst\": 2}, \"cache\": {\"path\": \"a.db\", \"memory_max\": \"8MiB\"}}";
    finished r = typed({"check", "--config", folder.file("c.json"), "--set", "cache.path=c.db"},
                       {{"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_ACCESS_KEY=hidden-key",
                         "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET=hidden-secret", "CALLCACHE_CACHE_PATH=b.db",
                         "CALLCACHE_BUDGET_BURST=1", "CALLCACHE_PORT=tcp://10.0.0.1:4664",
                         "CALLCACHE_SERVICE_HOST=10.0.0.1", "CALLCACHE_PORT_4664_TCP_ADDR=10.0.0.1"},
                        "",
                        0});
    INFO(r.output);
    CHECK(r.code == 0);
    CHECK_FALSE(contains(r.output, "hidden"));
    auto value = [&](const std::string& k) {
        std::size_t at = r.output.find(k + " ");
        std::string line = r.output.substr(at, r.output.find('\n', at) - at);
        return line.substr(line.find_first_not_of(' ', k.size()));
    };
    CHECK(value("cache.path") == "c.db   (set: command line)");
    CHECK(value("budget.burst") == "1   (set: CALLCACHE_BUDGET_BURST)");
    CHECK(value("budget.rate") == "2   (set: " + folder.file("c.json") + ")");
    CHECK(value("cache.memory_max") == "8MiB   (set: " + folder.file("c.json") + ")");
    CHECK_FALSE(contains(r.output, "budget.wait_max"));
    finished all = typed({"check", "--all", "--set", "budget.wait_max=60s"});
    CHECK(contains(all.output, "1m   (set: command line)\n"));
    CHECK(contains(all.output, "68s   (follows from other keys)\n"));
    CHECK(contains(all.output, "\nlog.level "));
    CHECK(typed({"check", "--set", "budget.rate=3"}).output.starts_with("budget.rate  "));
    CHECK(contains(typed({"check"}).output, " keys have their defaults: `callcache check --all` prints them.\n\n"
                                            "The configuration is valid.\n"));
}

TEST_CASE("serve announces itself, is healthy, and ends with 0 on SIGTERM; health says no before and after")
{
    temp_folder folder;
    sim::vendor_options o;
    o.keys[sim::basic("key", "secret")] = {};
    vendor_thread vendor(o);
    std::string admin;
    {
        serving s(vendor.url(), folder.file("cache.db"));
        REQUIRE(s.port != 0);
        admin = "127.0.0.1:" + std::to_string(s.admin_port);
        CHECK(typed({"health", "--admin", admin}).code == 0);
        CHECK(typed({"health", "--admin", "off", "--listen", "127.0.0.1:" + std::to_string(s.port)}).code == 0);
        CHECK(typed({"resume", "--admin", admin}).code == 0);
        CHECK(typed({"resume", "--admin", "off"}).code == 1);
        plain_client client(s.port);
        CHECK(client.get("/v2/calls/" + std::string(sim::example_id), sim::basic("key", "secret")).status == 200);
        s.process.signal(SIGTERM);
        CHECK(s.process.wait() == 0);
        const std::string& said = s.process.output();
        CHECK(contains(said.substr(0, said.find('\n')), "\"listening\""));
        CHECK(contains(said, "\"stopped\""));
    }
    finished down = typed({"health", "--admin", admin});
    CHECK(down.code == 1);
    CHECK(contains(down.output, "not ready"));
    serving again(vendor.url(), folder.file("cache.db"));
    plain_client client(again.port);
    auto a = client.get("/v2/calls/" + std::string(sim::example_id), sim::basic("key", "secret"));
    CHECK(contains(a.head, "; hit;"));
    CHECK(vendor.requests() == 1);
    again.process.signal(SIGINT);
    CHECK(again.process.wait() == 0);
}

TEST_CASE("a second signal ends a drain that waits")
{
    temp_folder folder;
    sim::vendor_options o;
    o.keys[sim::basic("key", "secret")] = {};
    o.latency = std::chrono::seconds(20);
    vendor_thread vendor(o);
    serving s(vendor.url(), folder.file("cache.db"));
    std::thread tool([&] {
        plain_client client(s.port);
        client.get("/v2/calls/" + std::string(sim::example_id), sim::basic("key", "secret"));
    });
    while (vendor.requests() == 0) std::this_thread::yield();
    s.process.signal(SIGTERM);
    CHECK(s.process.says("stopping"));
    s.process.signal(SIGTERM);
    CHECK(s.process.wait(std::chrono::seconds(5)) == 1);
    tool.join();
}

TEST_CASE("a second process for the same database exits with 1 and names the first")
{
    temp_folder folder;
    sim::vendor_options o;
    vendor_thread vendor(o);
    serving first(vendor.url(), folder.file("cache.db"));
    serving second(vendor.url(), folder.file("cache.db"));
    CHECK(second.process.wait() == 1);
    CHECK(contains(second.process.output(), "in use by process " + std::to_string(first.process.pid())));
    first.process.signal(SIGKILL);
    first.process.wait();
    serving third(vendor.url(), folder.file("cache.db"));  // the kernel has let go of the lock
    CHECK(third.port != 0);
}

TEST_CASE("a port that is taken is an error that says so, a second process does not share it, and leaves no file")
{
    temp_folder folder;
    sim::vendor_options o;
    vendor_thread vendor(o);
    serving first(vendor.url(), folder.file("one.db"));
    finished second = typed({"serve", "--listen", "127.0.0.1:" + std::to_string(first.port), "--admin", "off",
                             "--upstream", vendor.url(), "--db", folder.file("two.db")});
    CHECK(second.code == 1);
    CHECK(contains(second.output, "the port is taken"));
    CHECK(names_with(folder, "two.db").empty());
    finished in_folder = typed({"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--db", folder.path().string()});
    CHECK(in_folder.code == 1);
    CHECK(contains(in_folder.output, "cache.path: " + folder.path().string() + " is a folder; name a file in it"));
    CHECK_FALSE(std::filesystem::exists(folder.path().string() + "-lock"));
    std::ofstream(folder.file("notes")) << "mine";
    finished foreign = typed({"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--db", folder.file("notes")});
    CHECK(foreign.code == 1);
    CHECK(names_with(folder, "notes") == std::vector<std::string>{"notes"});
}

TEST_CASE("a database that cannot be written is an error that names the uid, the owner and the ways out")
{
    if (getuid() != 0) return;  // as another user, nothing here belongs to somebody else
    temp_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms::all & ~std::filesystem::perms::others_write);
    finished r =
        typed({"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--db", folder.file("cache.db")}, {{}, "", 65534});
    CHECK(r.code == 1);
    for (const char* part : {"uid 65534", "belongs to uid 0", "chown 65534", "fsGroup", "--db :memory:"})
    {
        INFO(r.output);
        CHECK(contains(r.output, part));
    }
}

TEST_CASE("a descriptor limit that is spent is survived: who is connected is served, and the rest once there is room")
{
    temp_folder folder;
    sim::vendor_options o;
    o.keys[sim::basic("key", "secret")] = {};
    vendor_thread vendor(o);
    serving s(vendor.url(), folder.file("cache.db"), {"--set", "server.threads=1"});
    std::filesystem::directory_iterator open("/proc/" + std::to_string(s.process.pid()) + "/fd"), none;
    rlimit tight;
    tight.rlim_cur = tight.rlim_max = rlim_t(std::distance(open, none)) + 10;
    REQUIRE(prlimit(s.process.pid(), RLIMIT_NOFILE, &tight, nullptr) == 0);
    plain_client first(s.port);
    std::string path = "/v2/calls/" + std::string(sim::example_id);
    REQUIRE(first.get(path, sim::basic("key", "secret")).status == 200);
    {
        std::vector<std::unique_ptr<plain_client>> many;
        for (int i = 0; i < 60; ++i) many.push_back(std::make_unique<plain_client>(s.port));
        CHECK(s.process.says("no connection can be accepted"));
        CHECK(first.get(path, sim::basic("key", "secret")).status == 200);
    }
    CHECK(plain_client(s.port).get(path, sim::basic("key", "secret")).status == 200);
}

TEST_SUITE_END();
