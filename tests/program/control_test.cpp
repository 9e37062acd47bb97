// Run it, change it while it runs, ask it why, stop it: with the built program.

#include "cache/call_answer.hpp"
#include "tests/support/loopback_socket.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/socket.h>
#include <sys/stat.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

const std::string key = sim::basic("key", "secret");

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

sim::vendor_options generous()
{
    sim::vendor_options o;
    o.keys[key] = {};
    o.limits = {0, 0};
    o.catalogue.not_found_every = 0;
    return o;
}

// A callcache with a configuration's file, and a vendor that sets no limits.
struct running
{
    explicit running(const std::string& text = "{}")
    {
        write(text);
        begin();
    }
    void write(const std::string& text) { std::ofstream(folder.file("c.json"), std::ios::trunc) << text; }
    void begin(const std::vector<std::string>& further = {})
    {
        std::vector<std::string> all{"--config", folder.file("c.json")};
        all.insert(all.end(), further.begin(), further.end());
        server.reset();
        server = std::make_unique<serving>(vendor.url(), folder.file("cache.db"), all);
        REQUIRE(server->port != 0);
    }
    finished order(std::vector<std::string> arguments)
    {
        for (const std::string& a : {std::string("--admin"), "127.0.0.1:" + std::to_string(server->admin_port)})
            arguments.push_back(a);
        return run(callcache_program, arguments);
    }
    plain_client::answer get(std::uint64_t number) const
    {
        return plain_client(server->port).get("/v2/calls/" + vendor.catalogue().id(number), key);
    }

    temp_folder folder;
    vendor_thread vendor{generous()};
    std::unique_ptr<serving> server;
};

// Tools that ask as quickly as they are answered, until their connections end or they are told to stop.
struct load
{
    load(const running& w, unsigned tools) : catalogue(w.vendor.catalogue())
    {
        for (unsigned n = 0; n < tools; ++n) threads.emplace_back([this, port = w.server->port, n] { ask(port, n); });
    }
    ~load() { stop(); }
    void stop()
    {
        stopping = true;
        for (std::thread& t : threads)
            if (t.joinable()) t.join();
    }

    // Four hits, then a miss.
    void ask(std::uint16_t port, unsigned n)
    {
        plain_client client(port);
        for (std::uint64_t i = 0; !stopping; ++i)
        {
            bool miss = i % 5 == 4;
            std::string id = catalogue.id(miss ? 1000 + n * 100'000 + i : i % 5);
            auto a = client.get("/v2/calls/" + id, key);
            if (a.status == 0) ++lost;
            if (a.status == 0) return;
            auto call = read_call_answer(a.body);
            bool refused = a.status == 503 && contains(a.head, "Retry-After: 1");
            if (refused) ++told_to_come_back;
            if (!refused && (a.status != 200 || !call || call->call != catalogue.call(id))) ++wrong;
            ++answered;
            if (contains(a.head, "Connection: close")) return;
        }
    }

    const sim::call_catalogue& catalogue;
    std::atomic<bool> stopping{false};
    std::atomic<long> answered{0}, wrong{0}, lost{0}, told_to_come_back{0};
    std::vector<std::thread> threads;
};

}  // namespace

TEST_SUITE_BEGIN("program: control");

TEST_CASE("reload: by SIGHUP and by the command, said by key; a broken file keeps the old configuration and says why")
{
    running w(R"({"budget": {"rate": 3, "burst": 3}})");
    w.write(R"({"budget": {"rate": 2, "burst": 2}, "server": {"threads": 3}, "log": {"level": "debug"}})");
    w.server->process.signal(SIGHUP);
    CHECK(w.server->process.says("budget.rate: 3 → 2"));
    CHECK(w.server->process.says("server.threads"));
    finished nothing = w.order({"reload"});
    CHECK(nothing.code == 0);
    CHECK(contains(nothing.output, "server.threads needs a restart, and stays as it was"));
    w.write(R"({"budget": {"rate": 1, "burst": 1}})");
    finished r = w.order({"reload"});
    CHECK(r.code == 0);
    CHECK(contains(r.output, "budget.rate: 2 → 1\n"));
    for (const char* broken :
         {"{", R"({"budget": {"rate": "fast"}})", R"({"bugdet": {}})", R"({"budget": {"burst": 9}})"})
    {
        CAPTURE(broken);
        w.write(broken);
        r = w.order({"reload"});
        CHECK(r.code == 1);
        CHECK(contains(r.output, "did not reload: status 422"));
        CHECK(contains(r.output, "the configuration stays as it was"));
    }
    CHECK(contains(r.output, "budget.burst: found 9"));
    std::filesystem::remove(w.folder.file("c.json"));
    CHECK(contains(w.order({"reload"}).output, "cannot read"));
    w.write("{}");
    CHECK(contains(w.order({"reload"}).output, "budget.rate: 1 → 3"));
    CHECK(w.get(1).status == 200);
}

TEST_CASE("serve, check and reload refuse the same, with the same words, and all of it; a refused start makes no file")
{
    running w;
    const std::string wrong =
        R"({"budget": {"day": "Mars/X"}, "server": {"admin_token_file": ")" + w.folder.file("absent") + R"("}})";
    w.write(wrong);
    const std::string database = w.folder.file("other.db");
    const std::vector<std::string> flags{"--config",   w.folder.file("c.json"), "--db", database, "--listen",
                                         "127.0.0.1:0"};
    for (const char* command : {"serve", "check", "reload"})
    {
        CAPTURE(command);
        std::vector<std::string> words{command};
        words.insert(words.end(), flags.begin(), flags.end());
        finished r = std::string(command) == "reload" ? w.order({command}) : run(callcache_program, words);
        CHECK(r.code == 1);
        CHECK(contains(r.output, "budget.day: found"));
        CHECK(contains(r.output, "server.admin_token_file: cannot read"));
        CHECK_FALSE(std::filesystem::exists(database));
    }
    CHECK(w.get(1).status == 200);
}

TEST_CASE("reload: a file that the sandbox keeps out of reach is not called unreadable: it needs a restart")
{
    running w;
    temp_folder elsewhere;
    std::ofstream(elsewhere.file("token")) << "0123456789abcdef";
    w.write(R"({"server": {"admin_token_file": ")" + elsewhere.file("token") + R"("}})");
    finished r = w.order({"reload"});
    CHECK(r.code == 0);
    CHECK(contains(r.output, "server.admin_token_file needs a restart"));
}

TEST_CASE("reload: twenty of them under load of hits and misses, and no request fails")
{
    running w(R"({"budget": {"rate": 1000, "burst": 1000, "daily": 0}, "log": {"access": "off"}})");
    for (std::uint64_t n = 0; n < 4; ++n) REQUIRE(w.get(n).status == 200);
    load tools(w, 4);
    for (int i = 0; i < 20; ++i)
    {
        w.write(i % 2 ? R"({"budget": {"rate": 1000, "burst": 1000, "daily": 0}, "log": {"access": "off"}})"
                      : R"({"budget": {"rate": 300, "burst": 200, "daily": 900000, "wait_max": "15s"},
                            "cache": {"calls": {"fresh_min": "10m"}}, "server": {"idle_timeout": "60s"}, "log": {"access": "off"}})");
        long before = tools.answered;
        w.server->process.signal(SIGHUP);
        while (tools.answered < before + 200 && tools.lost == 0) std::this_thread::yield();
    }
    tools.stop();
    CHECK(tools.wrong == 0);
    CHECK(tools.lost == 0);
    CHECK(w.order({"reload"}).code == 0);
    CHECK(w.server->process.says("budget.rate: 1000 → 300"));
    MESSAGE(tools.answered.load(), " answers");
}

TEST_CASE("SIGTERM under load: every request that was begun is answered, and it ends with 0 within drain_timeout")
{
    running w(R"({"budget": {"rate": 1000, "burst": 1000, "daily": 0}, "log": {"access": "off"}})");
    for (std::uint64_t n = 0; n < 4; ++n) REQUIRE(w.get(n).status == 200);
    for (int round = 0; round < 3; ++round)
    {
        load tools(w, 8);
        while (tools.answered < 3000) std::this_thread::yield();
        auto before = std::chrono::steady_clock::now();
        w.server->process.signal(SIGTERM);
        CHECK(w.server->process.wait() == 0);
        CHECK(std::chrono::steady_clock::now() - before < 8s);
        tools.stop();
        CHECK(tools.wrong == 0);
        CHECK(tools.lost == 0);
        MESSAGE(tools.answered.load(), " answers, ", tools.told_to_come_back.load(), " told to come back");
        w.begin();
    }
}

TEST_CASE("explain, purge: what is said in the terminal, and wrong usage exits with 2")
{
    running w;
    REQUIRE(w.get(1).status == 200);
    std::string id = w.vendor.catalogue().id(1);
    finished e = w.order({"explain", id});
    CHECK(e.code == 0);
    CHECK(contains(e.output, "the next request under #"));
    CHECK(contains(e.output, "is a hit, from what is kept"));
    CHECK(contains(e.output, "from its own lookup. Fresh until"));
    CHECK(contains(w.order({"explain", id, "--tool", "etl"}).output, "of etl is a hit"));
    finished p = w.order({"purge", id, "/v2/users/7"});
    CHECK(p.code == 0);
    CHECK(contains(p.output, "purged: what was kept of 2 names is not served any more"));
    CHECK(contains(w.order({"purge", id}).output, "nothing was kept of what you named"));
    CHECK(contains(w.order({"explain", id}).output, "a miss"));
    CHECK(contains(w.order({"purge", "--all"}).output, "nothing was kept\n"));
    CHECK(contains(w.order({"explain", "/v2/users/7"}).output, "status 404"));
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{"purge"}, {"purge", "12ab"}, {"purge", "1", "--all"}, {"explain"}, {"snapshot"}})
        CHECK(run(callcache_program, wrong).code == 2);
    for (const char* command : {"explain", "purge", "reload", "snapshot"})
        CHECK(
            contains(run(callcache_program, {command, "--help"}).output, "Example: callcache " + std::string(command)));
    w.server.reset();
    for (const std::vector<std::string>& lost : {std::vector<std::string>{"reload"}, {"stats"}, {"resume"}, {"health"}})
    {
        std::vector<std::string> arguments = lost;
        arguments.insert(arguments.end(), {"--admin", "127.0.0.1:1"});
        finished r = run(callcache_program, arguments);
        CHECK(r.code == 1);
        CHECK(r.output == "callcache: " + std::string(lost.front() == "health" ? "not ready: " : "") +
                              "nothing answers at 127.0.0.1:1 (Connection refused). Start callcache with `callcache "
                              "serve`; if it runs at another address, name that with --admin HOST:PORT\n");
    }
}

TEST_CASE("a command that something else answers says so; its Host carries the port")
{
    for (const auto& [answer, what] : {std::pair{"HTTP/1.0 200 OK\r\n\r\n<html>", "status 200"},
                                       {"SSH-2.0-x\r\n", "what it sends is no HTTP"},
                                       {"", "it closed the connection"}})
    {
        loopback_socket server = loopback_socket::listening();
        server.give_up_after(20);
        const std::string at = "127.0.0.1:" + std::to_string(server.port());
        std::string asked(4096, '\0');
        std::thread serves([&, text = std::string(answer)] {
            loopback_socket one = server.accept();
            ssize_t bytes = recv(one.fd, asked.data(), asked.size(), 0);
            asked.resize(bytes > 0 ? std::size_t(bytes) : 0);
            if (!text.empty()) send(one.fd, text.data(), text.size(), MSG_NOSIGNAL);
        });
        finished r = run(callcache_program, {"resume", "--admin", at});
        serves.join();
        CHECK(r.code == 1);
        CHECK(r.output == "callcache: what answers at " + at + " is not callcache (" + what +
                              "). Name the address of callcache with --admin HOST:PORT\n");
        CHECK(contains(asked, "\r\nHost: localhost:" + std::to_string(server.port()) + "\r\n"));
    }
}

TEST_CASE("snapshot: of a running callcache, for its owner alone; it serves offline what was kept, to whom it was kept")
{
    running w;
    for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(w.get(n).status == 200);
    std::string copy = w.folder.file("copy.db"), database = w.folder.file("cache.db");
    auto entries = [&] {
        std::filesystem::remove(copy);
        finished r = run(callcache_program, {"snapshot", copy, "--db", database});
        REQUIRE(r.code == 0);
        return r.output;
    };
    REQUIRE(w.order({"purge", w.vendor.catalogue().id(2)}).code == 0);  // durable, and so is what was kept before
    CHECK(contains(entries(), "2 calls"));
    struct stat info;
    REQUIRE(stat(copy.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    std::ofstream(copy + "-part") << "a stranger's";
    CHECK(contains(entries(), "2 calls"));
    CHECK(std::filesystem::file_size(copy + "-part") == 12);
    for (const auto& left : std::filesystem::directory_iterator(w.folder.path()))
        CHECK_FALSE(contains(left.path().string(), "-part-"));
    finished again = run(callcache_program, {"snapshot", copy, "--db", database});
    CHECK(again.code == 1);
    CHECK(contains(again.output, "it exists, and is not overwritten"));
    CHECK(run(callcache_program, {"snapshot", w.folder.file("x"), "--db", w.folder.file("absent.db")}).code == 1);
    CHECK(run(callcache_program, {"snapshot", w.folder.file("x"), "--db", w.folder.file("c.json")}).code == 1);
    CHECK_FALSE(std::filesystem::exists(w.folder.file("x")));

    std::size_t before = w.vendor.requests();
    serving offline(w.vendor.url(), copy, {"--set", "mode=offline"});
    REQUIRE(offline.port != 0);
    plain_client client(offline.port);
    for (std::uint64_t n : {1, 3}) CHECK(client.get("/v2/calls/" + w.vendor.catalogue().id(n), key).status == 200);
    CHECK(client.get("/v2/calls/" + w.vendor.catalogue().id(2), key).status == 504);
    CHECK(client.get("/v2/calls/" + w.vendor.catalogue().id(1), sim::basic("key", "other")).status == 504);
    CHECK(w.vendor.requests() == before);
    CHECK_FALSE(std::filesystem::exists(copy + "-budget"));
    CHECK(w.get(1).status == 200);

    const std::string mistyped = w.folder.file("cpoy.db");
    for (const char* command : {"serve", "check"})
    {
        finished r =
            run(callcache_program, {command, "--set", "mode=offline", "--listen", "127.0.0.1:0", "--db", mistyped});
        CHECK(r.code == 1);
        CHECK(contains(r.output, "there is no database at " + mistyped));
        CHECK_FALSE(std::filesystem::exists(mistyped));
    }
    finished checked = run(callcache_program, {"check", "--set", "mode=offline", "--db", copy});
    CHECK(checked.code == 0);
    CHECK(contains(checked.output, "Offline (mode)"));
}

TEST_SUITE_END();
