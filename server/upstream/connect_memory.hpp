// What connections to one destination have in common.
#pragma once

#include "server/upstream/connection_attempts.hpp"
#include "server/upstream/name_lookup.hpp"
#include "server/upstream/tls_sessions.hpp"

namespace callcache
{

// Any thread.
struct connect_memory
{
    explicit connect_memory(name_service service) : names(std::make_shared<name_lookup>(std::move(service))) {}

    const std::shared_ptr<name_lookup> names;
    tls_sessions sessions;

    std::vector<tcp::endpoint> in_order(const std::vector<tcp::endpoint>& addresses)
    {
        std::lock_guard lock(mutex_);
        return order_of_attempts(addresses, lessons_);
    }
    void worked(const tcp::endpoint& address)
    {
        std::lock_guard lock(mutex_);
        lessons_.worked = address;
        if (lessons_.failed == address) lessons_.failed.reset();
    }
    // It accepted a connection, and no more than that.
    void failed(const tcp::endpoint& address)
    {
        std::lock_guard lock(mutex_);
        lessons_.failed = address;
        if (lessons_.worked == address) lessons_.worked.reset();
    }

private:
    std::mutex mutex_;
    address_lessons lessons_;
};

}  // namespace callcache
