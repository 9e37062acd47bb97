// The addresses of a host. Those who ask while the name service is being asked share its answer.
#pragma once

#include "config/address.hpp"
#include "server/async/clock.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace callcache
{

struct resolved
{
    error_code error;
    std::vector<tcp::endpoint> endpoints;  // as the name service ordered them (RFC 6724)
};

// Asks for a host's addresses, and calls back once, on the executor.
using name_service = std::function<void(executor, const host_port&, std::function<void(const resolved&)>)>;
void ask_system(executor, const host_port&, std::function<void(const resolved&)>);  // getaddrinfo

// Of one host. Any thread; made by make_shared.
class name_lookup : public std::enable_shared_from_this<name_lookup>
{
public:
    explicit name_lookup(name_service service) : service_(std::move(service)) {}

    // Asks the name service anew, unless it is being asked. asio::error::timed_out at the deadline: getaddrinfo cannot
    // be interrupted, so the wait for it is what ends. REQUIRES: the host is the same each time.
    task<resolved> resolve(const host_port&, const clock_source&, steady_time deadline);

    // As in semaphore: the loops of those who wait have stopped.
    void abandon();

private:
    using waiter = std::function<void(resolved)>;

    // One that takes longer hangs, and may ask by a network that is gone: the next who comes asks too.
    static constexpr std::chrono::seconds shared_for{5};

    std::uint64_t join(waiter);
    void leave(std::uint64_t, error_code);
    bool begins(steady_time now);
    void heard(const resolved&);

    const name_service service_;
    std::mutex mutex_;
    std::map<std::uint64_t, waiter> waiting_;
    std::uint64_t last_ = 0;
    std::size_t asking_ = 0;  // of the name service, at the same time
    steady_time asked_at_{};
};

}  // namespace callcache
