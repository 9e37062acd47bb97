// A TCP connection to one of several addresses: the attempts run side by side, and the first one that stands is taken.
#pragma once

#include "server/async/clock.hpp"
#include "server/upstream/answer.hpp"

#include <string>
#include <variant>
#include <vector>

namespace callcache
{

struct tcp_won
{
    tcp_socket socket;
    tcp::endpoint address;
};

struct raced
{
    std::variant<tcp_won, upstream_failure> first;
    std::vector<tcp::endpoint> left;  // in their order: neither taken nor failed
};

// Tries the addresses in their order, at the times of attempt_pace. `who` names the other end in a failure's text.
// REQUIRES: there is an address.
task<raced> connect_first(std::vector<tcp::endpoint>, std::string who, const clock_source&, steady_time deadline);

// The failure, or what callcache itself lacks for another connection, which is no word about the vendor.
upstream_failure unreachable(std::string text);

}  // namespace callcache
