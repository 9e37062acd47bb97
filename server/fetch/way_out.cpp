#include "server/fetch/way_out.hpp"

#include "server/upstream/acknowledgement_watch.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

}  // namespace

task<std::optional<unsent>> way_out::send(outgoing_request& r, turn how) const
{
    for (bool again = how.again;; again = true)
    {
        auto no_turn = co_await wait_for_turn(r, again);
        if (no_turn || r.is_taken_along()) co_return no_turn;
        gate::permit permit(permits_, r.number);
        if (auto why = stopped(r)) co_return why;

        auto ready = co_await make_ready(r, permit, how.fresh || outage_.is_down());
        if (auto* failure = std::get_if<upstream_failure>(&ready)) co_return std::move(*failure);
        if (!std::get<bool>(ready))
        {
            auto cannot_wait = r.put_aside();
            if (cannot_wait || r.is_taken_along()) co_return cannot_wait;
            permit.step_back();
            continue;
        }
        if (auto why = stopped(r)) co_return why;
        const request_kind kind = r.prepare();
        outage_.sending(r.subject(), clock_.steady());
        permit.sending(kind);
        co_await r.exchange(permit);
        co_return std::nullopt;
    }
}

task<std::optional<unsent>> way_out::wait_for_turn(outgoing_request& r, bool again) const
{
    std::vector<asking> who = r.begin_wait();
    gate::turn turn = co_await permits_.enter(r.number, std::move(who), again);
    r.end_wait();
    if (std::holds_alternative<gate::closed>(turn))
        co_return upstream_failure{failure_kind::stopping, "callcache is stopping"};
    if (auto* no = std::get_if<refusal>(&turn)) co_return std::move(*no);
    co_return std::nullopt;
}

// True once there is a connection and room. False if there is no room for a while.
task<std::variant<bool, upstream_failure>> way_out::make_ready(outgoing_request& r, gate::permit& permit,
                                                               bool fresh) const
{
    for (;; fresh = true)
    {
        auto failure = co_await r.connect(fresh);
        if (failure) co_return std::move(*failure);
        bool room = co_await permit.acquire();
        if (!room || r.is_connected()) co_return room;
        if (fresh) co_return upstream_failure{failure_kind::lost, "the connection ended before it could be used"};
    }
}

std::optional<unsent> way_out::stopped(const outgoing_request& r) const
{
    if (auto objection = r.objection()) return objection;
    if (!outage_.lets_through(r.subject(), clock_.steady()))
        return upstream_failure{upstream_failure::kind::down, "several requests in a row have failed"};
    if (!r.is_wanted()) return nobody_waits();
    return std::nullopt;
}

task<exchanged> exchange_within(exchange_bounds bounds, transport& connection, const std::string& request,
                                gate::permit& permit, const clock_source& clock)
{
    executor loop = co_await asio::this_coro::executor;
    const steady_time sent_at = clock.steady();
    bool late = false;
    alarm clock_out(loop, clock);
    clock_out.set(sent_at + bounds.timeout, [&] {
        late = true;
        connection.close();
    });
    acknowledgement_watch arrival(loop, clock, connection, bounds.was_used, [&] { permit.acknowledged(); });
    const std::function<void()> begins = [&] {
        arrival.stop();
        permit.answered(connection.least_round_trip());
    };
    exchanged e = co_await exchange(connection, request, bounds.body_max, begins);
    if (late && std::holds_alternative<upstream_failure>(e.result))
        e.result =
            upstream_failure{failure_kind::slow, "no whole answer within " + std::to_string(bounds.timeout.count()) +
                                                     " ms (upstream.response_timeout)"};
    if (auto dead = arrival.found_dead()) e.result = std::move(*dead);
    auto* failure = std::get_if<upstream_failure>(&e.result);
    if (failure && (failure->what == upstream_failure::kind::closed || failure->what == upstream_failure::kind::lost))
        permit.lost();
    e.reusable = e.reusable && !late;
    co_return e;
}

}  // namespace callcache
