#include "server/upstream/pool.hpp"

#include "server/upstream/connect_memory.hpp"

#include <utility>

namespace callcache
{
namespace
{

// Servers commonly close an idle connection after 60 s; one that is older than this is not worth the try.
constexpr auto idle_max = std::chrono::seconds(50);

}  // namespace

connection_pool::connection_pool(destination to, const upstream_settings& s, const clock_source& clock, executor ex) :
    loop_(ex),
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
    from_->keep(std::move(transport_), from_->loop_, era_);
    std::exchange(from_, nullptr)->on_loan_.leave();
}

upstream_failure none_is_free(const upstream_settings& s)
{
    return {upstream_failure::kind::crowded, "all " + std::to_string(s.connections_max) +
                                                 " connections (upstream.connections_max) are waiting for answers"};
}

task<connection_pool::taken> connection_pool::take(bool fresh, steady_time deadline)
{
    bool placed = co_await on_loan_.enter(deadline);
    if (!placed) co_return none_is_free(settings_);
    loan l(*this);  // gives the place back if no connection comes of it
    l.era_ = era_;
    if (!fresh) l.transport_ = idle_one(loop_);
    l.used_ = l.transport_ != nullptr;
    if (l.used_) co_return std::move(l);

    make_room();
    connected c = co_await connect(to_, clock_, std::min(deadline, clock_.steady() + settings_.connect_timeout));
    if (auto* failure = std::get_if<upstream_failure>(&c)) co_return std::move(*failure);
    l.transport_ = std::move(std::get<std::unique_ptr<transport>>(c));
    co_return std::move(l);
}

std::unique_ptr<transport> connection_pool::idle_one(const executor& home)
{
    while (!idle_.empty() && is_old(idle_.front())) idle_.pop_front();
    for (std::size_t at = idle_.size(); at-- > 0;)
    {
        if (idle_[at].home != home) continue;
        auto connection = std::move(idle_[at].connection);
        idle_.erase(idle_.begin() + long(at));
        if (connection->is_quiet()) return connection;
    }
    return nullptr;
}

// The wall clock goes on while the machine sleeps, and the steady one does not.
bool connection_pool::is_old(const idle& i) const
{
    const moment now = clock_.now();
    return now.steady - i.since.steady > idle_max || now.wall - i.since.wall > idle_max;
}

// Idle ones count too: at most connections_max are open.
void connection_pool::make_room()
{
    if (!idle_.empty() && idle_.size() + on_loan_.inside() > settings_.connections_max) idle_.pop_front();
}

void connection_pool::keep(std::unique_ptr<transport> connection, const executor& home, std::uint64_t era)
{
    if (!closed_ && era == era_) idle_.push_back({std::move(connection), home, clock_.now()});
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

void connection_pool::abandon()
{
    close();
    to_.memory->names->abandon();
    on_loan_.abandon();
}

}  // namespace callcache
