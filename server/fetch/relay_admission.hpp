// The fetch loop's side of a forwarded request; relay_channel.hpp has the words of the conversation with its front.
// Fetch loop only.
#pragma once

#include "server/fetch/miss_path.hpp"

namespace callcache
{

// A front wants to send it: `l` says who asks; `changes` is what it makes untrue.
void admit_relay(miss_path&, lookup l, invalidation changes, relay_channel_ptr);

// On its way to the fetch loop, which may end before it gets there: then nothing is sent to its front any more.
class unread_relay
{
public:
    explicit unread_relay(relay_channel_ptr r) : relay_(std::move(r)) {}
    unread_relay(unread_relay&&) = default;
    ~unread_relay();
    relay_channel_ptr take() { return std::exchange(relay_, nullptr); }

private:
    relay_channel_ptr relay_;
};

}  // namespace callcache
