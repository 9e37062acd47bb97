// What one tool, one id or made-up credentials cost the tools beside them, at Gong's rate: how many of the neighbours'
// lookups are answered, and how long they take, alone and beside each trouble. Asserts nothing.

#include "tests/bench/phase_end.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <sys/socket.h>

using namespace callcache::test;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace
{

constexpr auto phase = 20s;
const std::string credential = sim::basic("key", "secret");

sim::vendor_options gong()
{
    sim::vendor_options o;
    o.keys[credential] = {};
    o.catalogue.not_found_every = o.catalogue.missing_every = 0;
    o.latency = 40ms;
    return o;
}

struct neighbourhood
{
    temp_folder folder;
    vendor_thread vendor{gong()};
    serving served{vendor.url(), folder.file("cache.db"), {"--set", "budget.daily=1000"}};
    callcache::bench::phase_end over;
    std::atomic<std::uint64_t> next_call{0};
    std::atomic<std::size_t> answered{0}, refused{0};
    std::mutex mutex;
    std::vector<double> taken;  // seconds, of those that were answered
    std::vector<std::thread> threads;

    ~neighbourhood() { end(); }

    void end()
    {
        over.come();
        for (std::thread& t : threads) t.join();
        threads.clear();
    }

    // A thread that does this until the phase is over.
    void go(std::function<void(plain_client&)> what)
    {
        threads.emplace_back([this, what = std::move(what)] {
            while (!over.has_come())
            {
                plain_client c(served.port);
                c.give_up_after(5);
                what(c);
            }
        });
    }

    // A tool that asks for one new call after the other.
    void healthy_tool(std::size_t number)
    {
        go([this, number](plain_client& c) {
            const auto begun = steady_clock::now();
            auto a = c.get("/@healthy" + std::to_string(number) + "/v2/calls/" + vendor.catalogue().id(next_call++),
                           credential);
            if (over.has_come()) return;
            ++(a.status == 200 ? answered : refused);
            if (a.status != 200) return;
            std::lock_guard lock(mutex);
            taken.push_back(std::chrono::duration<double>(steady_clock::now() - begun).count());
        });
    }

    // `wanted`: so many are to be answered. Returns how many were.
    std::size_t row(const std::string& name, double wanted = 0)
    {
        over.pause(phase);
        end();
        std::sort(taken.begin(), taken.end());
        auto at = [&](double share) {
            return taken.empty() ? 0 : taken[std::size_t(double(taken.size() - 1) * share)];
        };
        std::printf("%-45s %8zu %8.0f %8zu %8.2f %8.2f %9zu\n", name.c_str(), answered.load(), wanted, refused.load(),
                    at(0.5), at(1), vendor.requests());
        std::fflush(stdout);
        return answered;
    }

    bool says_down() { return served.process.output().find("Gong is down") != std::string::npos; }
};

std::size_t alone(std::size_t tools)
{
    neighbourhood n;
    for (std::size_t i = 0; i < tools; ++i) n.healthy_tool(i);
    return n.row(std::to_string(tools) + (tools == 1 ? " tool" : " tools") + " alone");
}

void slow_downloads(double wanted)
{
    neighbourhood n;
    n.vendor.tell([](sim::vendor& v) {
        v.script("/v2/slow", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                           "Content-Length: 100000000\r\n\r\n",
                                           sim::then::trickle, "0123456789"});
    });
    for (int i = 0; i < 8; ++i)
        n.threads.emplace_back([&n] {
            loopback_socket s = loopback_socket::connected(n.served.port);
            s.give_up_after(1);
            const std::string request =
                "GET /@download/v2/slow HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n\r\n";
            send(s.fd, request.data(), request.size(), MSG_NOSIGNAL);
            char room[4096];
            while (!n.over.has_come() && (recv(s.fd, room, sizeof room, 0) > 0 || errno == EAGAIN))
            {}
        });
    n.over.pause(1s);
    for (std::size_t i = 0; i < 20; ++i) n.healthy_tool(i);
    n.row("20 beside 8 downloads that never end", wanted);
}

void poison_id(double wanted)
{
    neighbourhood n;
    const std::string id = n.vendor.catalogue().id(900'000);
    n.vendor.tell([&](sim::vendor& v) { v.fail(id, 500); });
    std::atomic<std::size_t> asked{0};
    for (int i = 0; i < 4; ++i)
        n.go([&](plain_client& c) {
            while (!n.over.has_come())
            {
                if (c.get("/@poison/v2/calls/" + id, credential).status == 0) return;
                ++asked;
                n.over.pause(5ms);
            }
        });
    for (std::size_t i = 0; i < 20; ++i) n.healthy_tool(i);
    std::size_t poisoned = 0;
    n.threads.emplace_back([&] {
        while (!n.over.has_come()) n.over.pause(10ms);
        n.vendor.tell([&](sim::vendor& v) { poisoned = v.requests(id); });
    });
    n.row("20 beside an id that is always answered 500", wanted);
    std::printf("    it was asked for %zu times, and Gong %zu times%s\n", asked.load(), poisoned,
                n.says_down() ? "; Gong counted as down" : "");
}

void strangers(double wanted)
{
    neighbourhood n;
    std::atomic<std::size_t> asked{0};
    for (int i = 0; i < 10; ++i)
        n.go([&, i](plain_client& c) {
            for (int k = 0; k < 10 && !n.over.has_come(); ++k, ++asked)
                c.get("/v2/calls/1", sim::basic("made-up-" + std::to_string(10 * i + k), "secret"));
        });
    n.healthy_tool(0);
    std::size_t own = 0;
    n.row("1 beside 100 made-up credentials", wanted);
    for (const std::string& head : n.vendor.heads()) own += head.find(credential) != std::string::npos;
    std::printf("    they asked %zu times, and cost %zu API calls of a day of 1,000\n", asked.load(),
                n.vendor.requests() - own);
}

}  // namespace

int main()
{
    std::printf("At 3 requests a second, with bulk reads, for %d s\n", int(std::chrono::seconds(phase).count()));
    std::printf("%-45s %8s %8s %8s %8s %8s %9s\n", "", "answered", "wanted", "refused", "median s", "most s",
                "API calls");
    const double twenty = double(alone(20));
    slow_downloads(0.7 * twenty);  // two thirds of the tokens are for those that are answered soon
    poison_id(0.8 * twenty);
    const double one = double(alone(1));
    strangers(0.3 * one);  // they have the turns of one tool, and places inside
}
