// What the kernel knows about a TCP connection.
#pragma once

#include <chrono>

namespace callcache
{

// True if the other end has acknowledged everything that was written (SIOCOUTQ).
bool is_all_acknowledged(int socket);

// The least that a packet and its acknowledgement have taken in the last minutes (TCP_INFO); zero if it is not known.
std::chrono::microseconds least_round_trip_of(int socket);

}  // namespace callcache
