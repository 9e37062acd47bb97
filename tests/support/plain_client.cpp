#include "tests/support/plain_client.hpp"

#include <sys/socket.h>

namespace callcache::test
{

plain_client::plain_client(std::uint16_t port) : socket_(loopback_socket::connected(port)) {}

plain_client::answer plain_client::get(const std::string& target, const std::string& authorization,
                                       const std::string& further)
{
    std::string text =
        "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n" + further + "\r\n";
    if (socket_.fd < 0 || send(socket_.fd, text.data(), text.size(), MSG_NOSIGNAL) != ssize_t(text.size())) return {};
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
        ssize_t n = recv(socket_.fd, room, sizeof room, 0);
        if (n <= 0) return {};
        in_.append(room, std::size_t(n));
    }
}

}  // namespace callcache::test
