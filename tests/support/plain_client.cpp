#include "tests/support/plain_client.hpp"

#include <openssl/ssl.h>

#include <sys/socket.h>

namespace callcache::test
{

plain_client::plain_client(std::uint16_t port, bool tls) : socket_(loopback_socket::connected(port))
{
    if (!tls) return;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    tls_.reset(SSL_new(context), SSL_free);
    SSL_CTX_free(context);
    SSL_set_fd(tls_.get(), socket_.fd);
    if (SSL_connect(tls_.get()) != 1) socket_ = {};
}

bool plain_client::send(const std::string& text)
{
    if (socket_.fd < 0) return false;
    if (tls_) return SSL_write(tls_.get(), text.data(), int(text.size())) == int(text.size());
    return ::send(socket_.fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
}

long plain_client::receive(char* room, std::size_t size)
{
    if (tls_) return SSL_read(tls_.get(), room, int(size));
    return recv(socket_.fd, room, size, 0);
}

plain_client::answer plain_client::get(const std::string& target, const std::string& authorization,
                                       const std::string& further)
{
    return ask("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n" + further +
               "\r\n");
}

plain_client::answer plain_client::post(const std::string& target, const std::string& authorization,
                                        const std::string& body)
{
    return ask("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization +
               "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               body);
}

plain_client::answer plain_client::ask(const std::string& text)
{
    if (!send(text)) return {};
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
        long n = receive(room, sizeof room);
        if (n <= 0) return {};
        in_.append(room, std::size_t(n));
    }
}

}  // namespace callcache::test
