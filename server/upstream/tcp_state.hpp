// What the kernel knows about a TCP connection.
#pragma once

#include <chrono>
#include <cstdint>

namespace callcache
{

// True if the other end has acknowledged everything that was written (SIOCOUTQ).
bool is_all_acknowledged(int socket);

// How many bytes it has acknowledged so far (TCP_INFO); zero if it is not known.
std::uint64_t acknowledged_bytes_of(int socket);

// The least that a packet and its acknowledgement have taken in the last minutes (TCP_INFO); zero if it is not known.
std::chrono::microseconds least_round_trip_of(int socket);

}  // namespace callcache
