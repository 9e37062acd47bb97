// A socket that closes itself.
#pragma once

#include <cstdint>
#include <utility>

namespace callcache::test
{

// A TCP socket on loopback, closed with its owner; `fd` is -1 where it could not be had.
struct loopback_socket
{
    static loopback_socket connected(std::uint16_t port);
    static loopback_socket listening();                                            // on a port that the system chooses
    static loopback_socket listening_at(const char* address, std::uint16_t port);  // such as 127.0.0.2

    loopback_socket() = default;
    explicit loopback_socket(int f) : fd(f) {}
    loopback_socket(loopback_socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    loopback_socket& operator=(loopback_socket&& other) noexcept
    {
        std::swap(fd, other.fd);
        return *this;
    }
    ~loopback_socket();

    loopback_socket accept() const;
    std::uint16_t port() const;

    // What blocks longer than that fails.
    void give_up_after(int seconds) const;

    // What comes to it from now on is lost, as on a way that drops packets: the other end hears no word, not even
    // TCP's.
    void lose_all() const;

    int fd = -1;
};

// The same, of all sockets of this process on a port, as where the way to a server is cut: of its connections, and, if
// `new_ones_too`, of those that it would accept.
void lose_all_at(std::uint16_t port, bool new_ones_too);

}  // namespace callcache::test
