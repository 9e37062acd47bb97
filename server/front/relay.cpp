#include "server/front/relay.hpp"

#include "server/budget/retry_after.hpp"
#include "server/front/relay_answer.hpp"
#include "server/front/relay_upload.hpp"
#include "server/upstream/acknowledgement_watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using report = relay_report;
using order = relay_order;

constexpr int acknowledgement_looks = 33;  // budget.margin apart

relay_end refused_by_us(const refused_head& why)
{
    relay_end end;
    end.word = outcome::error;
    if (why.status != 0) end.own = own_answer(why.status, why.text);
    return end;
}

report of_failure(upstream_failure failure)
{
    report r{report::what::failed};
    r.failure = std::move(failure);
    return r;
}

report of_answer(const answer_head& a, wall_time now)
{
    report r{report::what::answered};
    r.status = a.status;
    if (auto* asked = longest_retry_after(a.fields, now)) r.retry_after = *asked;
    for (const field& f : a.fields)
    {
        if (equals_lower(f.first, "x-ratelimit-remaining")) r.remaining = f.second;
        if (equals_lower(f.first, "location") || equals_lower(f.first, "content-location"))
            r.locations.push_back(f.second);
    }
    return r;
}

// One request on its way. Held by the coroutine of its session.
class relaying
{
public:
    relaying(const relayed_request& relayed, lookup l, held_body held, relay_channel_ptr channel) :
        r_(relayed),
        asker_(l.asker),
        authorization_(std::move(l.authorization)),
        held_(std::move(held)),
        c_(std::move(channel)),
        is_half_closed_(relayed.with.is_half_closed())
    {}

    // Whatever happens to the session's coroutine, the fetcher hears of its end.
    ~relaying()
    {
        report over{report::what::over};
        over.connection = std::move(reusable_);
        tell(std::move(over));
    }
    relaying(const relaying&) = delete;
    relaying& operator=(const relaying&) = delete;

    task<relay_end> follow_orders();

private:
    task<void> make_ready(destination to);
    task<std::optional<relay_end>> send();
    task<void> see_head_arrive();
    task<bool> may_hand_on(const answer_head&);
    task<std::optional<relay_end>> hand_on(const answer_head&, answer_reader&, const std::shared_ptr<watchdog>&,
                                           const std::shared_ptr<upload>&);
    void report_end_of(const answer_head&, streamed);

    void notice_end(std::function<void()> left);
    void leave_if_tool_ends();
    void end_with_tool();
    void tell(report);

    const relayed_request& r_;
    const std::uint64_t asker_;
    const std::string authorization_;
    const held_body held_;
    const relay_channel_ptr c_;
    const bool is_half_closed_;  // the tool closed its own side with its request: it still reads
    std::unique_ptr<transport> connection_, reusable_;
    std::shared_ptr<asio::ssl::context> made_with_;
    bool is_used_ = false;        // the connection has carried a request before
    bool tool_has_left_ = false;  // and so the connection was closed
};

task<relay_end> relaying::follow_orders()
{
    for (;;)
    {
        if (!c_->orders.is_one_on_its_way()) leave_if_tool_ends();
        order o = co_await c_->orders.next();
        switch (o.next)
        {
        case order::what::refused:
        {
            relay_end end;
            end.word = o.word;
            if (o.refusal) end.own = *o.refusal;
            co_return end;
        }
        case order::what::connect:
            leave_if_tool_ends();
            co_await make_ready(std::move(*o.to));
            break;
        case order::what::send:
        {
            is_used_ = o.connection != nullptr;
            if (is_used_) connection_ = std::move(o.connection);
            r_.with.notice_end(nullptr);
            auto end = co_await send();
            connection_.reset();
            if (end) co_return std::move(*end);
            break;
        }
        case order::what::wait:
        case order::what::hand_on: break;
        }
    }
}

// A connection that was made for an earlier turn is used if it is as good as a new one.
task<void> relaying::make_ready(destination to)
{
    report ready{report::what::ready};
    if (!connection_ || to.tls != made_with_ || !connection_->is_quiet())
    {
        connection_.reset();
        made_with_ = to.tls;
        auto made = co_await connect(to, r_.clock, r_.clock.steady() + r_.config->upstream.connect_timeout);
        if (auto* failure = std::get_if<upstream_failure>(&made))
            ready = of_failure(*failure);
        else
            connection_ = std::move(std::get<std::unique_ptr<transport>>(made));
    }
    c_->reports.send(std::move(ready));
}

// Sends the request on the connection, and hands the answer on, if the fetcher says so. nullopt: the fetcher's next
// order says whether it is sent again or refused.
task<std::optional<relay_end>> relaying::send()
{
    executor ex = co_await asio::this_coro::executor;
    transport& connection = *connection_;
    auto dog = std::make_shared<watchdog>(ex, r_.clock, r_.config->upstream.pass_timeout, connection);
    std::shared_ptr<upload> up;
    // What a long upload has written so far is acknowledged all the time; it counts with its last piece.
    acknowledgement_watch arrival(ex, r_.clock, connection, is_used_, [&] {
        if (!up || up->is_written) c_->reports.send({report::what::acknowledged});
    });
    auto begins = [&] {
        arrival.stop();
        report first{report::what::begins};
        first.round_trip = connection.least_round_trip();
        tell(std::move(first));
    };
    answer_reader reader(connection, begins);
    // A server may answer before it has read everything, and close: its answer counts. So a failed write is not the
    // end.
    const std::string message = forwarded_message(r_, authorization_, held_);
    auto [write_error, written] = co_await connection.write(message);
    if (!held_.is_whole)
    {
        co_await see_head_arrive();
        up = std::make_shared<upload>(r_, c_, connection, dog, ex);
        up->out = held_.bytes;
        asio::co_spawn(ex, upload::run(up), asio::detached);
    }
    // The outcome of a write is worth waiting for; what only reads ends with its tool.
    if (c_->only_reads && !up) end_with_tool();
    auto head = co_await reader.read_head(r_.asked().is_head());
    if (!up) notice_end(nullptr);
    std::optional<relay_end> end;
    if (auto* failure = std::get_if<upstream_failure>(&head))
    {
        if (up) co_await up->stop();
        if (tool_has_left_) *failure = {failure_kind::tool_gone, "the tool has gone"};
        if (auto dead = arrival.found_dead()) *failure = std::move(*dead);
        if (dog->has_bitten()) *failure = {failure_kind::slow, "no answer in time (upstream.pass_timeout)"};
        if (up && up->refused)
        {
            end = refused_by_us(*up->refused);
            r_.context.mode.keep_alive = false;
            *failure = {failure_kind::tool_gone, "the tool's body was not whole"};
        }
        tell(of_failure(*failure));
    }
    else
        end = co_await hand_on(std::get<answer_head>(head), reader, dog, up);
    // The connection is not used again either if its other end may not have read the body of a request that usually
    // has none, and would take it for the next request.
    bool is_unusual = r_.asked().is_safe() && !held_.bytes.empty();
    if (end && !write_error && !up && !is_unusual && reader.is_reusable())
        reusable_ = std::move(connection_);
    else
        connection.close();
    co_return end;
}

// nullopt: the tool does not get this answer.
task<std::optional<relay_end>> relaying::hand_on(const answer_head& answer, answer_reader& reader,
                                                 const std::shared_ptr<watchdog>& dog,
                                                 const std::shared_ptr<upload>& up)
{
    dog->moved(progress_bytes);
    bool may = co_await may_hand_on(answer);
    if (!may) co_return std::nullopt;
    relay_end end;
    end.status = answer.status;
    bool wants_copy = c_->brings && (answer.status == 200 || answer.status == 404);
    // The outcome is known: nobody needs the rest of an answer whose tool has gone. An upload notices that by itself.
    if (!up) end_with_tool();
    streamed handed_on = co_await stream_answer(r_, reader, answer, dog, wants_copy);
    if (!up) notice_end(nullptr);
    if (up) co_await up->stop();
    report_end_of(answer, std::move(handed_on));
    co_return end;
}

// Tells the fetch loop when the head has arrived, since a balancer on the way may hold a long body back.
task<void> relaying::see_head_arrive()
{
    bool arrived = connection_->is_acknowledged();
    for (int look = 0; look < acknowledgement_looks && !arrived; ++look)
    {
        co_await sleep_until(r_.clock, r_.clock.steady() + r_.config->budget.margin);
        arrived = connection_->is_acknowledged();
    }
    if (arrived) c_->reports.send({report::what::acknowledged});
}

// Reports the answer. False if the tool does not get it: it is sent again or refused.
task<bool> relaying::may_hand_on(const answer_head& a)
{
    bool may_be_sent_again = a.status == 429 && c_->holds_all, waits = may_be_sent_again || !c_->only_reads;
    report answered = of_answer(a, r_.clock.wall());
    answered.waits = waits;
    tell(std::move(answered));
    if (!waits) co_return true;
    if (may_be_sent_again) leave_if_tool_ends();
    order o = co_await c_->orders.next();
    if (may_be_sent_again && o.next != order::what::hand_on)
    {
        c_->orders.send(std::move(o));
        co_return false;
    }
    r_.with.notice_end(nullptr);
    co_return true;
}

// Of an answer that was handed on.
void relaying::report_end_of(const answer_head& a, streamed s)
{
    if (s.broke_off && tool_has_left_) s.broke_off = {failure_kind::tool_gone, "the tool has gone"};
    if (s.broke_off) return tell(of_failure(*s.broke_off));
    if (!s.copy) return;
    report brought{report::what::brought};
    upstream_answer answer{a.status, a.fields, std::move(*s.copy)};
    brought.answer = std::make_shared<const upstream_answer>(std::move(answer));
    tell(std::move(brought));
}

// A tool that closes its side later than with its request has hung up.
void relaying::notice_end(std::function<void()> left)
{
    if (!is_half_closed_) r_.with.notice_end(std::move(left));
}

// For as long as the vendor is waited for: its connection is not held for a tool that has gone.
void relaying::end_with_tool()
{
    notice_end([this] {
        tool_has_left_ = true;
        connection_->close();
    });
}

// For as long as the fetcher is waited for.
void relaying::leave_if_tool_ends()
{
    notice_end([&misses = r_.misses, asker = asker_] { misses.left(asker); });
}

// The fetch loop is told of a safe request's answer after the tool has received it, as waking a thread takes time.
void relaying::tell(report what)
{
    if (!c_->only_reads || !c_->holds_all) return c_->reports.send(std::move(what));
    asio::post(c_->home, [c = c_, what = std::move(what)]() mutable { c->reports.send(std::move(what)); });
}

}  // namespace

task<relay_end> relay_request(const relayed_request& r, lookup l)
{
    executor ex = co_await asio::this_coro::executor;
    held_body held = co_await hold_body(r.with, r.asked().body, r.held_bodies);
    if (held.refused)
    {
        r.context.mode.keep_alive = false;
        co_return refused_by_us(*held.refused);
    }
    const request& asked = r.asked();
    r.context.mode.keep_alive = asked.keep_alive && held.is_whole;
    auto c = std::make_shared<relay_channel>(ex, r.misses.loop(), held.is_whole, asked.is_safe(),
                                             calls_brought_by(asked.method, r.to.target));
    r.misses.relay(l, changed_by(asked.is_safe(), r.to.target, r.config->cache.routes), c);
    if (r.misses.loop() != ex) c->orders.stay_awake(r.clock);
    relaying on_its_way(r, std::move(l), std::move(held), c);
    co_return co_await on_its_way.follow_orders();
}

}  // namespace callcache
