// What slow connections cost everybody else: 2,000 of them send a byte of their head every two seconds, and 64 tools
// with keep-alive connections ask for a kept call 4,000 times a second. Their latency with the slow ones and without,
// in turns. Asserts nothing.

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

using namespace callcache::test;
using std::chrono::steady_clock;

namespace
{

constexpr std::size_t slow_connections = 2000, fast_connections = 64;
constexpr std::size_t hits_a_millisecond = 4;
constexpr std::size_t milliseconds_between_bytes = 2000;  // of one slow connection
constexpr auto phase = std::chrono::seconds(15);          // longer than server.header_timeout, after which they are cut
constexpr int rounds = 3;

// Ticks each millisecond; those that were missed come together.
class ticker
{
public:
    ticker() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC))
    {
        itimerspec every{{0, 1'000'000}, {0, 1'000'000}};
        timerfd_settime(fd_, 0, &every, nullptr);
    }
    ~ticker() { close(fd_); }
    ticker(const ticker&) = delete;

    int fd() const { return fd_; }
    std::size_t wait()
    {
        std::uint64_t ticks = 0;
        return read(fd_, &ticks, sizeof ticks) == sizeof ticks ? std::size_t(ticks) : 0;
    }

private:
    int fd_;
};

// Connections whose head never ends. callcache cuts each after server.header_timeout (10 s), and it comes again.
class slow_ones
{
public:
    explicit slow_ones(std::uint16_t port) : port_(port), all_(slow_connections)
    {
        for (one& o : all_) begin(o);
        thread_ = std::thread([this] { run(); });
    }
    ~slow_ones()
    {
        stop_ = true;
        thread_.join();
    }
    std::size_t begun() const { return begun_; }

private:
    struct one
    {
        loopback_socket socket;
        std::size_t sent = 0;
    };

    void begin(one& o)
    {
        o = {loopback_socket::connected(port_), 0};
        ++begun_;  // its first byte comes in its turn, so that they are not all cut at once
    }

    // A byte of a head. False if the connection has ended.
    static bool push(one& o)
    {
        constexpr std::string_view head = "GET /v2/calls/1 HTTP/1.1\r\nX: ";
        char next = o.sent < head.size() ? head[o.sent] : 'x';
        ++o.sent;
        char room[512];
        bool nothing_said = recv(o.socket.fd, room, sizeof room, MSG_DONTWAIT) < 0 && errno == EAGAIN;
        return nothing_said && send(o.socket.fd, &next, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
    }

    void run()
    {
        ticker time;
        for (std::size_t at = 0; !stop_;)
            for (std::size_t due = time.wait() * slow_connections / milliseconds_between_bytes; due > 0; --due)
                if (one& o = all_[at++ % slow_connections]; !push(o)) begin(o);
    }

    const std::uint16_t port_;
    std::vector<one> all_;
    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> begun_{0};
    std::thread thread_;
};

struct latency
{
    double p50 = 0, p99 = 0, p999 = 0;  // milliseconds
    std::size_t answers = 0, wrong = 0;
};

// Asks at an even pace, on whichever connection waits for nothing; from the sending to the whole answer.
class fast_ones
{
public:
    fast_ones(std::uint16_t port, std::string request) : request_(std::move(request)), all_(fast_connections)
    {
        for (one& o : all_) o.socket = loopback_socket::connected(port);
    }

    latency run()
    {
        std::vector<double> taken;
        latency l;
        ticker time;
        std::vector<pollfd> polled{{time.fd(), POLLIN, 0}};
        for (const one& o : all_) polled.push_back({o.socket.fd, POLLIN, 0});
        std::size_t due = 0, turn = 0;
        for (auto end = steady_clock::now() + phase; steady_clock::now() < end;)
        {
            poll(polled.data(), polled.size(), 1000);
            for (std::size_t i = 0; i < all_.size(); ++i)
                if (polled[i + 1].revents) take(all_[i], taken, l);
            if (polled[0].revents) due = std::min(due + time.wait() * hits_a_millisecond, fast_connections);
            for (std::size_t tried = 0; due > 0 && tried < all_.size(); ++tried)
                if (ask(all_[turn++ % all_.size()])) --due;
        }
        std::sort(taken.begin(), taken.end());
        l.answers = taken.size();
        if (taken.empty()) return l;
        auto at = [&](double share) { return taken[std::size_t(double(taken.size() - 1) * share)]; };
        l.p50 = at(0.5), l.p99 = at(0.99), l.p999 = at(0.999);
        return l;
    }

private:
    struct one
    {
        loopback_socket socket;
        bool waits = false;
        steady_clock::time_point asked;
        std::string in;
    };

    bool ask(one& o)
    {
        if (o.waits) return false;
        o.waits = true;
        o.asked = steady_clock::now();
        return send(o.socket.fd, request_.data(), request_.size(), MSG_NOSIGNAL) == ssize_t(request_.size());
    }

    static void take(one& o, std::vector<double>& taken, latency& l)
    {
        char room[8192];
        ssize_t n = recv(o.socket.fd, room, sizeof room, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) ++l.wrong;
        if (n <= 0) return;
        o.in.append(room, std::size_t(n));
        std::size_t end = o.in.find("\r\n\r\n"), length = o.in.find("\r\nContent-Length: ");
        if (end == std::string::npos || length > end || o.in.size() < end + 4 + std::stoul(o.in.substr(length + 18)))
            return;
        if (!o.in.starts_with("HTTP/1.1 200")) ++l.wrong;
        taken.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - o.asked).count());
        o.in.clear();
        o.waits = false;
    }

    const std::string request_;
    std::vector<one> all_;
};

double median(std::vector<double> v)
{
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

}  // namespace

int main()
{
    rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    if (descriptors.rlim_cur < slow_connections + 200)
        return std::fprintf(stderr, "a hard limit of %zu descriptors is needed (ulimit -n)\n", slow_connections + 200),
               1;

    const std::string credential = sim::basic("key", "secret"), target = "/v2/calls/" + std::string(sim::example_id);
    sim::vendor_options o;
    o.keys[credential] = {};
    vendor_thread vendor(o);
    temp_folder folder;
    serving s(vendor.url(), folder.file("cache.db"));
    if (plain_client(s.port).get(target, credential).status != 200)
        return std::fprintf(stderr, "no answer: %s\n", s.process.output().c_str()), 1;

    std::printf("%zu tools, %zu hits a second, each phase %d s; slow: %zu connections, each a byte every %zu s\n",
                fast_connections, hits_a_millisecond * 1000, int(phase.count()), slow_connections,
                milliseconds_between_bytes / 1000);
    std::printf("%-14s %10s %10s %10s %10s %10s %8s\n", "", "p50 ms", "p99 ms", "p99.9 ms", "hits", "slow begun",
                "wrong");
    fast_ones tools(s.port,
                    "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n\r\n");
    std::array<std::vector<double>, 2> p99;
    for (int i = 0; i < 2 * rounds; ++i)
    {
        bool with = i % 2 == 1;
        auto slow = with ? std::make_unique<slow_ones>(s.port) : nullptr;
        latency l = tools.run();
        std::printf("%-14s %10.3f %10.3f %10.3f %10zu %10zu %8zu\n", with ? "with slow ones" : "without", l.p50, l.p99,
                    l.p999, l.answers, slow ? slow->begun() : 0, l.wrong);
        std::fflush(stdout);
        p99[with].push_back(l.p99);
    }
    double without = median(p99[0]), with = median(p99[1]);
    std::printf("median p99: %.3f ms without, %.3f ms with, %.2f times\n", without, with, with / without);
}
