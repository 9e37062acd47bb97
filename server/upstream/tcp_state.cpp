#include "server/upstream/tcp_state.hpp"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace callcache
{

namespace
{

// As far as the kernel knows it: older ones give less, and the rest stays as it is.
tcp_info info_of(int socket)
{
    tcp_info info{};
    info.tcpi_min_rtt = ~0u;
    socklen_t size = sizeof info;
    getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info;
}

}  // namespace

bool is_all_acknowledged(int socket)
{
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

std::uint64_t acknowledged_bytes_of(int socket)
{
    return info_of(socket).tcpi_bytes_acked;
}

std::chrono::microseconds least_round_trip_of(int socket)
{
    const std::uint32_t least = info_of(socket).tcpi_min_rtt;
    return std::chrono::microseconds(least != ~0u ? least : 0);
}

}  // namespace callcache
