// `callcache health`: asks a running callcache whether it is ready, as the container's HEALTHCHECK. It finds the
// address from the same configuration as `serve`.

#include "config/address.hpp"
#include "server/commands.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

namespace callcache
{
namespace
{

constexpr timeval patience{0, 900'000};  // below the second that a HEALTHCHECK has

// The address to ask from the inside: an address that means "all" is reached through loopback.
host_port reachable(host_port at)
{
    if (at.host == "0.0.0.0") at.host = "127.0.0.1";
    if (at.host == "::") at.host = "::1";
    return at;
}

// The status of the answer to GET `target`, or 0 with the reason in `trouble`.
int status_of(const host_port& at, const std::string& target, std::string& trouble)
{
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (int code = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &list); code != 0)
    {
        trouble = gai_strerror(code);
        return 0;
    }
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (addrinfo* a = list; a; a = a->ai_next)
    {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        char answer[64] = {};
        int status = 0;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 &&
            send(fd, request.data(), request.size(), MSG_NOSIGNAL) == ssize_t(request.size()) &&
            recv(fd, answer, 12, MSG_WAITALL) == 12)
            std::sscanf(answer, "HTTP/1.1 %3d", &status);
        else
            trouble = std::strerror(errno);
        close(fd);
        if (status != 0) return status;
    }
    return 0;
}

}  // namespace

int health(const settings& config)
{
    bool by_admin = !config.server.admin.empty();
    auto at = parse_host_port(by_admin ? config.server.admin.front() : config.server.listen.front());
    // Without an admin address: a lookup that is refused without asking the vendor shows that callcache answers.
    std::string trouble = "no answer";
    int status = status_of(reachable(*at), by_admin ? "/readyz" : "/v2/calls/undefined", trouble);
    if (status == (by_admin ? 200 : 400)) return 0;
    std::fprintf(stderr, "callcache at %s:%u is not ready: %s\n", at->host.c_str(), at->port,
                 status == 0 ? trouble.c_str() : ("status " + std::to_string(status)).c_str());
    return 1;
}

}  // namespace callcache
