// What the kernel costs: one thread, epoll, a recv and a send for each request, and nothing else. The measure for all
// the others, and the vendor behind them.
//
//   bench-bare [PORT]       on 127.0.0.1; prints the port
//   GET /v2/calls/ID        a call
//   GET /bytes/N            N bytes, as quick as they are taken
//   GET /count              how many calls it was asked for

#include "tests/bench/bench_call.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace
{

using callcache::bench::body_bytes;
using callcache::bench::body_of;

struct connection
{
    std::string in, out;        // what could not be dealt with at once
    std::size_t bytes_due = 0;  // of /bytes/N
    bool waits = false;         // for room
};

// Keep-alive connections, level-triggered: one recv a wake-up is enough.
class responder
{
public:
    explicit responder(std::uint16_t port) : poll_(epoll_create1(EPOLL_CLOEXEC)), piece_(256 << 10, 'x')
    {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int on = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener_, 4096) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
        {
            std::perror("bench-bare");
            std::exit(1);
        }
        port_ = ntohs(at.sin_port);
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
        std::string body = body_of("0000000000000000000");
        answer_ = head(body_bytes) + body;
        id_at_ = answer_.find("0000000000000000000");
    }

    std::uint16_t port() const { return port_; }

    void run()
    {
        for (;;)
        {
            epoll_event events[256];
            int n = epoll_wait(poll_, events, 256, -1);
            for (int i = 0; i < n; ++i)
            {
                int fd = events[i].data.fd;
                if (fd == listener_)
                    take_in();
                else if (!((events[i].events & EPOLLIN ? read_from(fd) : true) && write_to(fd)))
                    let_go(fd);
            }
        }
    }

private:
    static std::string head(std::size_t length)
    {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: public, max-age=86400\r\n"
               "Content-Length: " +
               std::to_string(length) + "\r\n\r\n";
    }

    void watch(int how, int fd, std::uint32_t events)
    {
        epoll_event e{};
        e.events = events;
        e.data.fd = fd;
        epoll_ctl(poll_, how, fd, &e);
    }

    void take_in()
    {
        int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (all_.size() <= std::size_t(fd)) all_.resize(std::size_t(fd) + 1);
        all_[std::size_t(fd)] = std::make_unique<connection>();
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }

    void let_go(int fd)
    {
        all_[std::size_t(fd)].reset();
        close(fd);
    }

    bool read_from(int fd)
    {
        connection& c = *all_[std::size_t(fd)];
        char room[16 << 10];
        ssize_t n = recv(fd, room, sizeof room, 0);
        if (n <= 0) return n < 0 && errno == EAGAIN;
        std::string_view in(room, std::size_t(n));
        if (!c.in.empty()) in = c.in.append(in);
        std::size_t end;
        while ((end = in.find("\r\n\r\n")) != in.npos)
        {
            answer(c, in.substr(0, end));
            in.remove_prefix(end + 4);
        }
        c.in = std::string(in);
        return true;
    }

    void answer(connection& c, std::string_view request)
    {
        constexpr std::string_view calls = "GET /v2/calls/", bytes = "GET /bytes/";
        if (request.starts_with(calls))
        {
            ++count_;
            std::memcpy(&answer_[id_at_], request.data() + calls.size(), 19);
            c.out += answer_;
            return;
        }
        std::size_t length = 0;
        if (request.starts_with(bytes)) length = std::strtoull(request.data() + bytes.size(), nullptr, 10);
        std::string text = length == 0 ? std::to_string(count_) : "";
        c.out += head(length == 0 ? text.size() : length) + text;
        c.bytes_due = length;
    }

    bool write_to(int fd)
    {
        connection& c = *all_[std::size_t(fd)];
        bool waits = false;
        auto write = [&](const char* from, std::size_t size) {
            ssize_t n = send(fd, from, size, MSG_NOSIGNAL);
            waits = n < 0;
            return n < 0 ? 0 : std::size_t(n);
        };
        while (!waits && !c.out.empty()) c.out.erase(0, write(c.out.data(), c.out.size()));
        while (!waits && c.bytes_due > 0) c.bytes_due -= write(piece_.data(), std::min(piece_.size(), c.bytes_due));
        if (waits && errno != EAGAIN) return false;
        if (waits != c.waits) watch(EPOLL_CTL_MOD, fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
        c.waits = waits;
        return true;
    }

    const int poll_;
    const std::string piece_;
    int listener_;
    std::uint16_t port_;
    std::string answer_;
    std::size_t id_at_, count_ = 0;
    std::vector<std::unique_ptr<connection>> all_;
};

}  // namespace

int main(int argc, char** argv)
{
    responder r(std::uint16_t(argc > 1 ? std::atoi(argv[1]) : 0));
    std::printf("%u\n", r.port());
    std::fflush(stdout);
    r.run();
}
