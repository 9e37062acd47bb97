// kill -9 at random moments under load: the file stays sound, every body is right, and what was answered as `stored`
// more than a second before the kill is there.

#include "cache/call_answer.hpp"
#include "cache/sqlite.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <random>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace
{

constexpr int kills = 200;
constexpr int tools = 4;
const std::string key = sim::basic("key", "secret");

struct load
{
    const sim::call_catalogue& catalogue;
    std::mutex mutex;
    std::map<std::string, steady_clock::time_point> stored;  // in this round, when it was answered as stored
    std::vector<std::string> wrong;
    std::atomic<int> answers{0};
    std::atomic<bool> stop{false};

    void note_wrong(std::string what)
    {
        std::lock_guard lock(mutex);
        wrong.push_back(std::move(what));
    }

    // Asks for random calls until the connection ends.
    void run(std::uint16_t port, unsigned seed)
    {
        std::mt19937 random(seed);
        plain_client client(port);
        while (!stop)
        {
            std::string id = catalogue.id(100'000 + random() % 100'000);
            auto a = client.get("/v2/calls/" + id, key);
            if (a.status == 0) return;
            ++answers;
            auto expected = catalogue.call(id);
            auto call = read_call_answer(a.body);
            bool right = expected ? a.status == 200 && call && call->call == *expected : a.status == 404;
            if (!right) note_wrong(id + ": " + std::to_string(a.status) + " " + a.body.substr(0, 200));
            if (a.head.find("; stored") == std::string::npos) continue;
            std::lock_guard lock(mutex);
            stored.emplace(id, steady_clock::now());
        }
    }
};

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("200 kill -9 at random moments under load: no corrupt file, no wrong body, nothing that was stored is lost")
{
    unsigned seed = std::random_device()();
    INFO("seed ", seed);
    std::mt19937 random(seed);
    temp_folder folder;
    const std::string path = folder.file("cache.db");
    sim::vendor_options o;
    o.keys[key] = {};
    o.limits = {0, 0};
    vendor_thread vendor(o);
    load l{vendor.catalogue()};

    std::vector<std::string> durable;  // stored more than a second before a kill
    int lost = 0, checked = 0, not_started = 0;
    for (int round = 0; round < kills; ++round)
    {
        serving s(vendor.url(), path,
                  {"--set", "budget.rate=1000", "--set", "budget.burst=10", "--set", "budget.daily=100000000", "--set",
                   "budget.margin=0ms", "--set", "cache.calls.not_found_min=1h", "--set", "log.access=off"});
        if (s.port == 0)
        {
            ++not_started;
            MESSAGE(s.process.output());
            break;
        }
        plain_client client(s.port);
        for (int i = 0; i < 50 && !durable.empty(); ++i)
        {
            const std::string& id = durable[random() % durable.size()];
            auto a = client.get("/v2/calls/" + id, key, "Cache-Control: only-if-cached, max-stale\r\n");
            ++checked;
            if (a.status != 200 && a.status != 404)
            {
                ++lost;
                MESSAGE("lost ", id, ": ", a.status, " ", a.body);
            }
        }
        l.stop = false;
        std::vector<std::thread> threads;
        for (int t = 0; t < tools; ++t)
            threads.emplace_back([&, port = s.port, seed = random()] { l.run(port, unsigned(seed)); });
        // Most rounds are short; every tenth is long enough for something to be a second old.
        auto at_most = round % 10 == 9 ? 2'500'000 : 100'000;
        auto until = steady_clock::now() + std::chrono::microseconds(random() % at_most);
        while (steady_clock::now() < until) std::this_thread::yield();
        s.process.signal(SIGKILL);
        auto killed_at = steady_clock::now();
        for (auto& t : threads) t.join();
        for (const auto& [id, at] : l.stored)
            if (at < killed_at - 1s) durable.push_back(id);
        l.stored.clear();
        s.process.wait();
        CHECK(s.process.output().find("corrupt") == std::string::npos);
        CHECK(s.process.output().find("damaged") == std::string::npos);
        if (round % 20 == 19)
        {
            sqlite::database db(path, SQLITE_OPEN_READWRITE);
            sqlite::statement check(db, "PRAGMA integrity_check");
            REQUIRE(check.step());
            CHECK(std::string(check.bytes(0)) == "ok");
        }
    }
    MESSAGE(kills, " kills, ", l.answers.load(), " answers, ", durable.size(), " calls stored a second before a kill, ",
            checked, " looked for again");
    CHECK(not_started == 0);
    INFO("the first wrong answer: ", l.wrong.empty() ? std::string() : l.wrong.front());
    CHECK(l.wrong.size() == 0);
    CHECK(lost == 0);
    CHECK(checked > 1000);
}

TEST_SUITE_END();
