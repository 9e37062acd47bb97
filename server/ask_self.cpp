#include "server/ask_self.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace callcache
{
namespace
{

constexpr std::size_t answer_bytes_max = 1 << 20;

struct connection
{
    int fd;
    ~connection() { close(fd); }
};

own_answer_read read_answer(int fd)
{
    std::string text;
    char room[4096];
    ssize_t bytes = 0;
    while (text.size() < answer_bytes_max && (bytes = recv(fd, room, sizeof room, 0)) > 0)
        text.append(room, std::size_t(bytes));
    own_answer_read answer;
    if (bytes < 0 && text.empty()) answer.trouble = std::strerror(errno);
    std::size_t head = text.find("\r\n\r\n");
    if (head == std::string::npos || std::sscanf(text.c_str(), "HTTP/1.1 %3d", &answer.status) != 1) return answer;
    answer.body = text.substr(head + 4);
    return answer;
}

}  // namespace

own_answer_read ask_self(host_port at, std::string_view method, std::string_view target,
                         std::chrono::milliseconds patience, std::string_view token)
{
    if (at.host == "0.0.0.0") at.host = "127.0.0.1";
    if (at.host == "::") at.host = "::1";
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (int code = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &list); code != 0)
        return {0, "", gai_strerror(code)};
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    std::string request = std::string(method) + " " + std::string(target) +
                          " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n";
    if (!token.empty()) request += "Authorization: Bearer " + std::string(token) + "\r\n";
    request += "\r\n";
    timeval limit{patience.count() / 1000, patience.count() % 1000 * 1000};
    own_answer_read last{0, "", "no answer"};
    for (addrinfo* a = list; a; a = a->ai_next)
    {
        connection c{socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (c.fd < 0) continue;
        setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(c.fd, a->ai_addr, a->ai_addrlen) == 0 &&
            send(c.fd, request.data(), request.size(), MSG_NOSIGNAL) == ssize_t(request.size()))
            last = read_answer(c.fd);
        else
            last.trouble = std::strerror(errno);
        if (last.status != 0) return last;
    }
    return last;
}

}  // namespace callcache
