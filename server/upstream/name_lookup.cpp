#include "server/upstream/name_lookup.hpp"

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/this_coro.hpp>

namespace callcache
{
namespace
{

using resolver = asio::ip::basic_resolver<tcp, executor>;

}  // namespace

void ask_system(executor ex, const host_port& at, std::function<void(const resolved&)> done)
{
    auto names = std::make_shared<resolver>(ex);
    names->async_resolve(at.host, std::to_string(at.port), [names, done](error_code error, const auto& results) {
        resolved r{error, {}};
        for (const auto& entry : results) r.endpoints.push_back(entry.endpoint());
        done(r);
    });
}

task<resolved> name_lookup::resolve(const host_port& at, const clock_source& clock, steady_time deadline)
{
    error_code not_an_address;
    auto address = asio::ip::make_address(at.host, not_an_address);
    if (!not_an_address) co_return resolved{{}, {tcp::endpoint(address, at.port)}};

    executor ex = co_await asio::this_coro::executor;
    alarm late(ex, clock);
    auto start = [&](auto done) {
        const std::uint64_t me = join(std::move(done));
        late.set(deadline, [this, me] { leave(me, asio::error::timed_out); });
        if (begins(clock.steady()))
            service_(ex, at, [self = shared_from_this()](const resolved& r) { self->heard(r); });
    };
    resolved r = co_await call_back<resolved>(std::move(start));
    co_return r;
}

std::uint64_t name_lookup::join(waiter w)
{
    std::lock_guard lock(mutex_);
    waiting_.emplace(++last_, std::move(w));
    return last_;
}

void name_lookup::leave(std::uint64_t who, error_code why)
{
    std::unique_lock lock(mutex_);
    auto found = waiting_.extract(who);
    lock.unlock();
    if (found) found.mapped()({why, {}});
}

bool name_lookup::begins(steady_time now)
{
    std::lock_guard lock(mutex_);
    if (asking_ > 0 && now - asked_at_ < shared_for) return false;
    ++asking_;
    asked_at_ = now;
    return true;
}

void name_lookup::heard(const resolved& r)
{
    std::unique_lock lock(mutex_);
    if (--asking_ > 0 && r.error) return;  // another one may know
    auto told = std::exchange(waiting_, {});
    lock.unlock();
    for (auto& [who, tell] : told) tell(r);
}

void name_lookup::abandon()
{
    std::unique_lock lock(mutex_);
    auto dropped = std::exchange(waiting_, {});
    lock.unlock();
}

}  // namespace callcache
