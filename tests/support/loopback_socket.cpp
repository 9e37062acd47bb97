#include "tests/support/loopback_socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace callcache::test
{
namespace
{

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

}  // namespace

loopback_socket loopback_socket::connected(std::uint16_t port)
{
    loopback_socket s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(port);
    int one = 1;
    setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(s.fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return {};
    return s;
}

loopback_socket loopback_socket::listening()
{
    return listening_at("127.0.0.1", 0);
}

loopback_socket loopback_socket::listening_at(const char* address, std::uint16_t port)
{
    loopback_socket s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(port);
    inet_pton(AF_INET, address, &at.sin_addr);
    if (bind(s.fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(s.fd, 16) != 0) return {};
    return s;
}

loopback_socket::~loopback_socket()
{
    if (fd >= 0) close(fd);
}

loopback_socket loopback_socket::accept() const
{
    return loopback_socket(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
}

std::uint16_t loopback_socket::port() const
{
    sockaddr_in at{};
    socklen_t size = sizeof at;
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
}

void loopback_socket::give_up_after(int seconds) const
{
    timeval limit{seconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void loopback_socket::lose_all() const
{
    sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    sock_fprog program{1, &drop};
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void lose_all_at(std::uint16_t port, bool new_ones_too)
{
    for (int fd = 0; fd < 1024; ++fd)
    {
        sockaddr_storage at{};
        socklen_t size = sizeof at;
        if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0 || at.ss_family != AF_INET) continue;
        int listens = 0;
        socklen_t its_size = sizeof listens;
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &its_size);
        loopback_socket here(fd);
        if (here.port() == port && (listens == 0 || new_ones_too)) here.lose_all();
        here.fd = -1;  // it is not ours
    }
}

}  // namespace callcache::test
