// Asks at an even pace, however long the answers take, and says how long they took.
//
//   bench-steady PORT AUTHORIZATION TARGETS A_SECOND SECONDS [CONNECTIONS]
//
// TARGETS is a file of call ids, or of targets that begin with '/', asked for one after the other. A request is due
// with the millisecond in which it is; if every connection waits for an answer then, that counts as waiting too.
// Prints one line of JSON, in milliseconds.

#include "tests/support/loopback_socket.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

using callcache::test::loopback_socket;
using std::chrono::steady_clock;

namespace
{

struct wishes
{
    std::uint16_t port;
    std::vector<std::string> requests;
    double a_second;
    double seconds;
    std::size_t connections;
};

struct connection
{
    loopback_socket socket;
    bool waits = false;
    steady_clock::time_point due;
    std::string in;
};

class asking
{
public:
    explicit asking(wishes w) : wanted_(std::move(w)), all_(wanted_.connections)
    {
        for (connection& c : all_) c.socket = loopback_socket::connected(wanted_.port);
    }

    void run()
    {
        int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        itimerspec every{{0, 1'000'000}, {0, 1'000'000}};
        timerfd_settime(timer, 0, &every, nullptr);
        std::vector<pollfd> polled{{timer, POLLIN, 0}};
        for (const connection& c : all_) polled.push_back({c.socket.fd, POLLIN, 0});
        double credit = 0;
        auto end = steady_clock::now() + std::chrono::duration<double>(wanted_.seconds);
        while (steady_clock::now() < end)
        {
            poll(polled.data(), polled.size(), 100);
            for (std::size_t i = 0; i < all_.size(); ++i)
                if (polled[i + 1].revents && !take(all_[i])) polled[i + 1].fd = -1;
            std::uint64_t ticks = 0;
            if (polled[0].revents && read(timer, &ticks, sizeof ticks) == sizeof ticks)
                for (credit += double(ticks) * wanted_.a_second / 1000; credit >= 1; --credit)
                    due_.push_back(steady_clock::now());
            for (connection& c : all_)
                if (!due_.empty() && !c.waits && c.socket.fd >= 0) ask(c);
        }
        close(timer);
    }

    void print()
    {
        std::sort(taken_.begin(), taken_.end());
        auto at = [&](double share) {
            return taken_.empty() ? 0.0 : taken_[std::size_t(double(taken_.size() - 1) * share)];
        };
        std::printf(
            "{\"answers\": %zu, \"wrong\": %zu, \"unasked\": %zu, \"p50\": %.4f, \"p99\": %.4f, \"p999\": %.4f, "
            "\"max\": %.4f}\n",
            taken_.size(), wrong_, due_.size(), at(0.5), at(0.99), at(0.999), at(1));
    }

private:
    void ask(connection& c)
    {
        const std::string& request = wanted_.requests[turn_++ % wanted_.requests.size()];
        c.waits = true;
        c.due = due_.front();
        due_.pop_front();
        if (send(c.socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size())) ++wrong_;
    }

    // False when the connection has ended.
    bool take(connection& c)
    {
        char room[16 << 10];
        ssize_t n = recv(c.socket.fd, room, sizeof room, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0)
        {
            ++wrong_;
            c.socket = {};
            return false;
        }
        c.in.append(room, std::size_t(n));
        std::size_t end = c.in.find("\r\n\r\n"), length = c.in.find("\r\nContent-Length: ");
        if (end == std::string::npos || length > end || c.in.size() < end + 4 + std::stoul(c.in.substr(length + 18)))
            return true;
        if (!c.in.starts_with("HTTP/1.1 200")) ++wrong_;
        taken_.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - c.due).count());
        c.in.clear();
        c.waits = false;
        return true;
    }

    const wishes wanted_;
    std::vector<connection> all_;
    std::deque<steady_clock::time_point> due_;
    std::vector<double> taken_;
    std::size_t turn_ = 0, wrong_ = 0;
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 6)
        return std::fprintf(stderr, "usage: bench-steady PORT AUTHORIZATION TARGETS A_SECOND SECONDS [CONNECTIONS]\n"),
               2;
    wishes w{std::uint16_t(std::atoi(argv[1])),
             {},
             std::atof(argv[4]),
             std::atof(argv[5]),
             argc > 6 ? std::size_t(std::atoi(argv[6])) : 64};
    std::ifstream targets(argv[3]);
    for (std::string line; std::getline(targets, line);)
        w.requests.push_back("GET " + (line.starts_with("/") ? line : "/v2/calls/" + line) +
                             " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + argv[2] + "\r\n\r\n");
    if (w.requests.empty()) return std::fprintf(stderr, "bench-steady: no targets in %s\n", argv[3]), 1;
    asking a(std::move(w));
    a.run();
    a.print();
}
