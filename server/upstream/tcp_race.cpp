#include "server/upstream/tcp_race.hpp"

#include "server/upstream/connection_attempts.hpp"

#include <boost/asio/this_coro.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <deque>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

// The loop's thread. Held by the attempts that run, of which there is one until the end.
class tcp_race : public std::enable_shared_from_this<tcp_race>
{
public:
    tcp_race(executor ex, const clock_source& clock, std::vector<tcp::endpoint> addresses, std::string who,
             std::function<void(raced)> done) :
        executor_(ex),
        clock_(clock),
        addresses_(std::move(addresses)),
        who_(std::move(who)),
        pace_(addresses_.size()),
        left_(addresses_),
        next_(ex, clock),
        late_(ex, clock),
        done_(std::move(done))
    {}

    void begin(steady_time deadline)
    {
        late_.set(deadline, [this] {
            std::string tried;
            for (const tcp::endpoint& e : left_) tried += (tried.empty() ? "" : ", ") + e.address().to_string();
            finish(
                upstream_failure{failure_kind::slow, who_ + " at " + tried + " did not accept a connection in time"});
        });
        begin_due();
    }

private:
    void begin_due()
    {
        while (auto number = pace_.next(clock_.steady())) connect(*number);
        if (auto due = pace_.due()) next_.set(*due, [this] { begin_due(); });
    }

    void connect(std::size_t number)
    {
        sockets_.emplace_back(executor_);
        sockets_.back().async_connect(
            addresses_[number], [self = shared_from_this(), number](error_code error) { self->ended(number, error); });
    }

    void ended(std::size_t number, error_code error)
    {
        if (!done_) return;
        const tcp::endpoint& address = addresses_[number];
        std::erase(left_, address);
        if (!error) return finish(tcp_won{std::move(sockets_[number]), address});
        pace_.failed();
        begin_due();
        if (pace_.is_over())
            finish(unreachable(who_ + " at " + address.address().to_string() + ": " + error.message()));
    }

    void finish(std::variant<tcp_won, upstream_failure> first)
    {
        next_.cancel();
        late_.cancel();
        error_code ignored;
        for (tcp_socket& s : sockets_) s.close(ignored);
        std::exchange(done_, nullptr)({std::move(first), std::move(left_)});
    }

    const executor executor_;
    const clock_source& clock_;
    const std::vector<tcp::endpoint> addresses_;
    const std::string who_;
    attempt_pace pace_;
    std::vector<tcp::endpoint> left_;
    std::deque<tcp_socket> sockets_;  // of the attempts, by their number; they stay where they are
    alarm next_, late_;
    std::function<void(raced)> done_;  // null once it is over
};

// What callcache itself lacks for another connection, as the kernel says it; or nothing. It says nothing of the vendor.
std::optional<std::string> own_lack()
{
    int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0)
    {
        ::close(descriptor);
        return std::nullopt;
    }
    return "callcache can open no further connection: " + error_code(errno, boost::system::system_category()).message();
}

}  // namespace

task<raced> connect_first(std::vector<tcp::endpoint> addresses, std::string who, const clock_source& clock,
                          steady_time deadline)
{
    executor ex = co_await asio::this_coro::executor;
    // The coroutine does not hold the race: the race holds the coroutine.
    auto start = [&](auto done) {
        std::make_shared<tcp_race>(ex, clock, std::move(addresses), std::move(who), std::move(done))->begin(deadline);
    };
    raced r = co_await call_back<raced>(std::move(start));
    co_return r;
}

upstream_failure unreachable(std::string text)
{
    if (auto lack = own_lack()) return {failure_kind::crowded, std::move(*lack)};
    return {failure_kind::unreachable, std::move(text)};
}

}  // namespace callcache
