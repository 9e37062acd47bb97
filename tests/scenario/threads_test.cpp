// The whole proxy with its real threads: two fronts, a fetcher, the store; tools that ask for everything at once while
// entries are purged. Run under the thread sanitizer too.

#include "cache/call_answer.hpp"
#include "server/async/system_clock.hpp"
#include "server/proxy.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/plain_client.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/vendor_thread.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>

using namespace callcache;
using namespace callcache::test;

namespace
{

class silent_log final : public log
{
public:
    void use(log_level) override {}
    bool wants(log_level) const override { return false; }
    void write(log_level, std::string_view, const std::vector<log_field>&) override {}
};

const std::string key = sim::basic("key", "secret"), other = sim::basic("other", "secret");

// Further lines with a body behind them, whose last two bytes are the line end that the client adds.
const std::string long_body = "Content-Length: 200000\r\n\r\n" + std::string(199'998, 'x');

struct real_threads
{
    real_threads()
    {
        config.server.listen = {"127.0.0.1:0"};
        config.server.admin = {"127.0.0.1:0"};
        config.server.threads = 2;
        config.upstream.url = vendor.url();
        config.cache.path = folder.file("cache.db");
        config.cache.memory_max = 1 << 20;
        config.budget.rate = 1000;
        config.budget.burst = 100;
        config.cache.calls.fresh_min = 1s;  // so that much is stale
        start();
    }
    void start()
    {
        cache.reset();
        auto started = proxy::start(config, {clock, out});
        REQUIRE(std::holds_alternative<std::unique_ptr<proxy>>(started));
        cache = std::move(std::get<std::unique_ptr<proxy>>(started));
    }
    std::uint16_t port() const { return cache->tool_endpoints().front().port(); }

    static sim::vendor_options options()
    {
        sim::vendor_options o;
        o.keys[key] = o.keys[other] = {};
        o.limits = {0, 0};
        return o;
    }

    temp_folder folder;
    system_clock clock;
    silent_log out;
    vendor_thread vendor{options()};
    settings config;
    std::unique_ptr<proxy> cache;
};

}  // namespace

TEST_SUITE_BEGIN("threads: the whole proxy");

TEST_CASE("every tool gets the right call while hits, misses, refreshes, purges and new credentials happen at once")
{
    real_threads w;
    std::atomic<int> wrong{0}, right{0};
    std::vector<std::thread> tools;
    for (unsigned n = 0; n < 4; ++n)
        tools.emplace_back([&, n] {
            std::mt19937 random(n);
            plain_client client(w.port());
            for (int i = 0; i < 400; ++i)
            {
                std::string id = w.vendor.catalogue().id(random() % 100 * 2);
                auto a = client.get("/v2/calls/" + id, random() % 2 ? key : other,
                                    random() % 5 ? "" : "Cache-Control: no-cache\r\n");
                auto call = read_call_answer(a.body);
                bool good = a.status == 200 && call && call->call == w.vendor.catalogue().call(id);
                (good ? right : wrong) += 1;
            }
        });
    tools.emplace_back([&] {
        plain_client client(w.port());
        for (int i = 0; i < 100; ++i)
            if (client.get("/v2/calls/1", sim::basic("stranger", std::to_string(i))).status != 401) ++wrong;
    });
    tools.emplace_back([&] {
        plain_client client(w.port());
        for (int i = 0; i < 50; ++i)
        {
            auto a = client.get("/v2/users?page=" + std::to_string(i), key);
            if (a.body.find("GET /v2/users?page=" + std::to_string(i)) == std::string::npos) ++wrong;
            if (client.get("/v2/bytes?n=300000", other).body.size() != 300'000) ++wrong;
            a = client.get("/v2/tasks", key, long_body);
            if (a.body.find("\"size\":200000") == std::string::npos) ++wrong;
        }
    });
    for (int i = 0; i < 20; ++i)
    {
        auto purged = [&](auto done) {
            if (i % 4 == 0)
                w.cache->kept().purge_all(done);
            else
                w.cache->kept().purge(w.vendor.catalogue().id(std::uint64_t(i) * 2), done);
        };
        CHECK(wait_for<bool>(purged));
        w.cache->look_after(w.clock.wall() + std::chrono::hours(i));
    }
    for (std::thread& t : tools) t.join();
    CHECK(wrong == 0);
    CHECK(right == 1600);
}

TEST_CASE("TLS towards tools: new connections on every front while the pair is replaced, and each gets the right call")
{
    real_threads w;
    auto put = [&](const sim::certificate& pair) {
        for (const auto& [name, text] : {std::pair{"tls.crt", pair.chain}, {"tls.key", pair.key}})
        {
            std::ofstream(w.folder.file("next")) << text;
            std::filesystem::rename(w.folder.file("next"), w.folder.file(name));
        }
    };
    put(sim::make_certificate());
    w.config.server.tls_certificate_file = w.folder.file("tls.crt");
    w.config.server.tls_key_file = w.folder.file("tls.key");
    w.start();
    std::atomic<int> right{0};
    std::vector<std::thread> tools;
    for (unsigned n = 0; n < 4; ++n)
        tools.emplace_back([&, n] {
            for (unsigned i = 0; i < 25; ++i)
            {
                plain_client client(w.port(), true);
                std::string id = w.vendor.catalogue().id((n + i) * 2);
                for (int hit = 0; hit < 3; ++hit)
                {
                    auto a = client.get("/v2/calls/" + id, key);
                    auto call = read_call_answer(a.body);
                    right += a.status == 200 && call && call->call == w.vendor.catalogue().call(id);
                }
                right += client.get("/v2/bytes?n=100000", key).body.size() == 100'000;
            }
        });
    for (int i = 0; i < 20; ++i)
    {
        put(sim::make_certificate());
        w.cache->look_after(w.clock.wall());
    }
    for (std::thread& t : tools) t.join();
    CHECK(right == 4 * 25 * 4);
}

TEST_CASE("at server.connections_max newcomers take the places of idle connections, on each front")
{
    real_threads w;
    w.config.server.connections_max = 6;
    w.start();
    std::vector<std::unique_ptr<plain_client>> tools;
    for (int n = 0; n < 60; ++n)
    {
        tools.push_back(std::make_unique<plain_client>(w.port()));
        CHECK(tools.back()->get("/v2/calls/" + std::string(sim::example_id), key).status == 200);
    }
}

TEST_CASE("a proxy that is destroyed in the middle of everything leaves nothing behind, and the next one goes on")
{
    real_threads w;
    for (int round = 0; round < 5; ++round)
    {
        std::vector<std::thread> tools;
        for (unsigned n = 0; n < 4; ++n)
            tools.emplace_back([&, port = w.port(), n] {
                plain_client client(port);
                for (int i = 0; i < 1000 && n == 0; ++i)
                    if (client.get("/v2/bytes?n=3000000", key).status == 0) return;
                for (int i = 0; i < 1000 && n == 1; ++i)
                    if (client.get("/v2/tasks", key, long_body).status == 0) return;
                for (int i = 0; i < 1000; ++i)
                    if (client.get("/v2/calls/" + w.vendor.catalogue().id(n * 1000 + unsigned(i) * 2), key).status == 0)
                        return;
            });
        while (w.vendor.requests() < std::size_t(round + 1) * 20) std::this_thread::yield();
        if (round % 2) w.cache->drain();
        w.start();
        for (std::thread& t : tools) t.join();
    }
    CHECK(plain_client(w.port()).get("/v2/calls/" + std::string(sim::example_id), key).status == 200);
}

TEST_SUITE_END();
