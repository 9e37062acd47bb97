#include "server/upstream/pool.hpp"

#include <utility>

namespace callcache
{
namespace
{

// Servers commonly close an idle connection after 60 s; one that is older than this is not worth the try.
constexpr auto idle_max = std::chrono::seconds(50);

}  // namespace

connection_pool::connection_pool(destination to, const upstream_settings& s, const clock_source& clock, executor ex) :
    to_(std::move(to)),
    settings_(s),
    clock_(clock),
    on_loan_(s.connections_max, ex, clock)
{}

connection_pool::loan::~loan()
{
    if (!from_) return;
    if (transport_) transport_->close();
    from_->on_loan_.leave();
}

void connection_pool::loan::give_back()
{
    if (!from_->closed_ && era_ == from_->era_) from_->idle_.push_back({std::move(transport_), from_->clock_.steady()});
    std::exchange(from_, nullptr)->on_loan_.leave();
}

upstream_failure none_is_free(const upstream_settings& s)
{
    return {upstream_failure::kind::slow, "all " + std::to_string(s.connections_max) +
                                              " connections (upstream.connections_max) are waiting for answers"};
}

task<bool> connection_pool::enter(steady_time deadline)
{
    bool entered = co_await on_loan_.enter(deadline);
    if (entered && !idle_.empty() && idle_.size() + on_loan_.inside() > settings_.connections_max) idle_.pop_front();
    co_return entered;
}

task<connection_pool::taken> connection_pool::take(bool fresh, steady_time deadline)
{
    bool placed = co_await on_loan_.enter(deadline);
    if (!placed) co_return none_is_free(settings_);
    loan l(*this);  // gives the place back if no connection comes of it
    l.era_ = era_;
    steady_time now = clock_.steady();
    while (!idle_.empty() && now - idle_.front().since > idle_max) idle_.pop_front();
    while (!fresh && !idle_.empty() && !l.transport_)
    {
        auto connection = std::move(idle_.back().connection);
        idle_.pop_back();
        if (connection->is_quiet()) l.transport_ = std::move(connection);
    }
    l.used_ = l.transport_ != nullptr;
    if (l.used_) co_return std::move(l);

    // Idle ones count too: at most connections_max are open.
    if (!idle_.empty() && idle_.size() + on_loan_.inside() > settings_.connections_max) idle_.pop_front();
    connected c = co_await connect(to_, clock_, std::min(deadline, now + settings_.connect_timeout));
    if (auto* failure = std::get_if<upstream_failure>(&c)) co_return std::move(*failure);
    l.transport_ = std::move(std::get<std::unique_ptr<transport>>(c));
    co_return std::move(l);
}

void connection_pool::use(std::shared_ptr<asio::ssl::context> tls)
{
    to_.tls = std::move(tls);
    ++era_;
    idle_.clear();
}

void connection_pool::close()
{
    closed_ = true;
    idle_.clear();
}

}  // namespace callcache
