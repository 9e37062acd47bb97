#include "tests/support/plain_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace callcache::test
{

plain_client::plain_client(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    {
        close(socket_);
        socket_ = -1;
    }
}

plain_client::~plain_client()
{
    if (socket_ >= 0) close(socket_);
}

plain_client::answer plain_client::get(const std::string& target, const std::string& authorization,
                                       const std::string& further)
{
    std::string text =
        "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n" + further + "\r\n";
    if (socket_ < 0 || send(socket_, text.data(), text.size(), MSG_NOSIGNAL) != ssize_t(text.size())) return {};
    answer a;
    std::size_t length = std::string::npos;
    for (;;)
    {
        std::size_t end = in_.find("\r\n\r\n");
        if (end != std::string::npos && length == std::string::npos)
        {
            std::size_t at = in_.find("\r\nContent-Length: ");
            if (at == std::string::npos) return {};
            length = std::stoul(in_.substr(at + 18));
        }
        if (end != std::string::npos && in_.size() >= end + 4 + length)
        {
            a.status = unsigned(std::stoul(in_.substr(9, 3)));
            a.head = in_.substr(0, end + 2);
            a.body = in_.substr(end + 4, length);
            in_.erase(0, end + 4 + length);
            return a;
        }
        char room[16384];
        ssize_t n = recv(socket_, room, sizeof room, 0);
        if (n <= 0) return {};
        in_.append(room, std::size_t(n));
    }
}

}  // namespace callcache::test
