// A flight's way out: its turn, a connection, the lease and room in the window, the write, the answer; and whether it
// is tried again.

#include "cache/freshness.hpp"
#include "server/fetch/flight.hpp"
#include "server/version.hpp"

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using namespace std::chrono_literals;

constexpr int retries_max = 2;
constexpr auto first_backoff = 200ms;  // give or take a half, and doubled for the second

// A lookup by its own GET, with fixed fields, or with all that it takes along.
std::string message_of(const origin& upstream, const fetcher::flight& f, const fetcher::batch* led)
{
    std::vector<std::string> ids;
    if (led) ids.push_back(f.first.id);
    if (led)
        for (const fetcher::flight_ptr& other : led->others) ids.push_back(other->first.id);
    const std::string body = led ? bulk_request(ids) : "";
    std::string line = "GET /v2/calls/" + f.first.id;
    if (f.first.kept_by) line = "GET " + f.first.id;
    if (led) line = "POST /v2/calls/extensive";
    std::string head =
        line + " HTTP/1.1\r\nHost: " + upstream.authority() + "\r\nAuthorization: " + f.first.authorization +
        "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" + version + "\r\n";
    // A bulk read is for several, each with a trace of their own.
    if (!led && !f.first.traceparent.empty()) head += "traceparent: " + f.first.traceparent + "\r\n";
    if (led) head += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return head + "\r\n" + body;
}

}  // namespace

task<void> fetcher::run(std::shared_ptr<fetcher> self, flight_ptr f)
{
    const upstream_failure lost{failing::lost, "a mistake in callcache"};
    try
    {
        upstream_result r = co_await self->fetch(*f);
        self->settle(f, std::move(r));
    }
    catch (const std::exception& mistake)
    {
        self->parts_.out.error("a mistake in callcache", {{"what", mistake.what()}});
        self->fail(f, nullptr, lost);
    }
}

// Until there is an answer to settle with, or no more reason to try.
//  - A connection that the vendor closed while it was idle says nothing about the vendor: once, on a fresh one.
//  - A 429 means that nothing was done: back to the head of the queue, for those who can wait.
//  - Lost before an answer, 502, 503, 504: twice, after a while, if the retry budget allows it.
task<upstream_result> fetcher::fetch(flight& f)
{
    bool again = false, fresh = false, of_call = !f.first.kept_by;
    for (int retries = 0;; again = true)
    {
        attempt a;
        auto unsent = co_await send_one(f, again, fresh, a);
        if (unsent)
        {
            learn_from(*unsent, is_outage(*unsent, of_call));
            co_return std::move(*unsent);
        }
        f.sent = false;
        if (a.heard && a.heard->next == share::what::answered) co_return std::move(a.heard->result);
        if (a.heard)
        {
            f.alone = a.heard->next == share::what::alone;
            continue;
        }
        upstream_result& result = a.answer.result;
        note_end(f, result, a.led ? a.led->asked : 0);
        auto* failure = std::get_if<upstream_failure>(&result);
        if (failure && failure->what == failing::closed && a.was_used && !fresh)
        {
            fresh = true;
            continue;
        }
        learn_from(result, is_outage(result, of_call && !a.led));
        if (auto* answer = std::get_if<upstream_answer>(&result); answer && answer->status == 429)
        {
            hear_429(f, *answer);
            if (!f.waiters.empty()) continue;
            co_return std::move(result);
        }
        if (!may_retry(f, result, retries))
        {
            if (!a.led) co_return std::move(result);
            share mine = distribute(f, *a.led, result);
            if (mine.next == share::what::answered) co_return std::move(mine.result);
            f.alone = true;
            continue;
        }
        fresh = true;
        counts_.retried();
        auto backoff = first_backoff * (1 << retries++);
        auto jitter = std::chrono::duration_cast<milliseconds>(backoff * (jitter_of(f.first.id, f.sent_at) / 2));
        co_await sleep_until(parts_.clock, parts_.clock.steady() + backoff + jitter);
    }
}

bool fetcher::may_retry(const flight& f, const upstream_result& r, int retries)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    bool passes = failure ? failure->what == failing::closed || failure->what == failing::lost
                          : answer->status == 502 || answer->status == 503 || answer->status == 504;
    return passes && retries < retries_max && !f.waiters.empty() && !draining_ &&
           breaker_.lets_through(parts_.clock.steady()) && retries_.take(parts_.clock.steady());
}

// All sending stops for as long as the vendor asks.
void fetcher::hear_429(flight& f, const upstream_answer& answer)
{
    moment now = parts_.clock.now();
    bool was_paused = gate_.spending().paused_for(now) > 0s;
    gate_.refused(answer.find("retry-after"));
    if (!was_paused)
        parts_.out.warn(
            "Gong answered 429: nothing is sent until it allows it again",
            {{"for_s", std::to_string(seconds_up(gate_.spending().paused_for(now)))}, {"tool", f.first.tool}});
    tell_who_cannot_wait();
}

// For the breaker, and for what the vendor says of the budget.
void fetcher::learn_from(const upstream_result& r, bool is_outage)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    bool not_asked = failure && (failure->what == failing::unsent || failure->what == failing::down ||
                                 failure->what == failing::limited);
    if (not_asked) return;
    if (answer && answer->status != 429) gate_.accepted();
    if (answer)
        if (const std::string* remaining = answer->find("x-ratelimit-remaining")) vendor_remaining_ = *remaining;
    bool was_down = breaker_.is_down();
    if (is_outage)
        breaker_.failed(parts_.clock.steady());
    else
        breaker_.succeeded();
    stretch();
    if (breaker_.is_down() == was_down) return;
    parts_.out.warn(was_down
                        ? "Gong answers again"
                        : "Gong is down: several requests in a row have failed. Kept calls are still answered, and "
                          "Gong is asked again now and then",
                    {{"upstream", parts_.upstream.text()}});
}

// It ends by itself too, as the day goes on.
void fetcher::stretch()
{
    stretched_ = gate_.spending().shedding(parts_.clock.now()) != shed_level::plenty;
    if (stretched_)
        stretch_again_.set(parts_.clock.steady() + 1min, [this] { stretch(); });
    else
        stretch_again_.cancel();
}

// nullopt once admitted; otherwise why it was not sent.
task<std::optional<upstream_failure>> fetcher::wait_for_turn(flight& f, bool first)
{
    f.queued = true;
    if (gate_.spending().is_held(parts_.clock.now())) tell_who_cannot_wait();
    keep_or_linger(f);
    std::vector<asking> who;
    std::uint64_t batch_key = f.alone || f.relay ? 0 : batch_key_of(f.first);
    for (const waiter& w : f.waiters) who.push_back({w.asked.tool, w.asked.how, batch_key});
    if (who.empty()) who.push_back({f.first.tool, f.first.how, batch_key});
    gate::turn turn = co_await gate_.enter(f.number, std::move(who), first);
    f.queued = f.lingers = false;
    f.end->cancel();
    if (std::holds_alternative<gate::closed>(turn))
        co_return upstream_failure{failing::unsent, "callcache is stopping"};
    if (auto* no = std::get_if<refusal>(&turn))
    {
        f.limited = std::move(*no);
        co_return upstream_failure{failing::limited, "the budget says no"};
    }
    co_return std::nullopt;
}

// The order: a turn, a connection that is ready, a lease that is durable and room in the window, the write. Nothing is
// spent before the write.
task<std::optional<upstream_failure>> fetcher::send_one(flight& f, bool first, bool fresh, attempt& to)
{
    for (;; first = true)
    {
        auto unsent = co_await wait_for_turn(f, first);
        if (unsent) co_return unsent;
        if (!f.rider)
        {
            gate::permit way(gate_, f.number);
            if (refused_credentials_.wait(f.refused_as, parts_.clock.steady()))
            {
                f.refused = true;
                co_return upstream_failure{failing::limited, "Gong has just refused this credential"};
            }
            if (!breaker_.lets_through(parts_.clock.steady())) co_return down();
            line_or_failure ready = co_await ready_line(way, fresh || breaker_.is_down());
            if (auto* failure = std::get_if<upstream_failure>(&ready)) co_return std::move(*failure);
            auto& loan = std::get<std::unique_ptr<connection_pool::loan>>(ready);
            if (loan)
            {
                if (!breaker_.lets_through(parts_.clock.steady())) co_return down();
                to.was_used = loan->was_used();
                co_await exchange_on(*loan, f, way, to);
                co_return std::nullopt;
            }
            if (!f.rider) way.step_back();
        }
        if (!f.rider) continue;
        to.heard = co_await f.rider->next();
        f.rider.reset();
        co_return std::nullopt;
    }
}

// A connection on which the request can be written at once; null if there is no room for a while.
task<fetcher::line_or_failure> fetcher::ready_line(gate::permit& way, bool fresh)
{
    for (;; fresh = true)
    {
        auto taken = co_await pool_.take(fresh, parts_.clock.steady() + parts_.config->server.answer_max);
        if (auto* failure = std::get_if<upstream_failure>(&taken)) co_return std::move(*failure);
        auto line = std::make_unique<connection_pool::loan>(std::move(std::get<connection_pool::loan>(taken)));
        bool room = co_await way.acquire();
        if (!room)
        {
            line->give_back();
            co_return std::unique_ptr<connection_pool::loan>();
        }
        if (line->connection().is_quiet()) co_return std::move(line);
        if (fresh) co_return upstream_failure{failing::lost, "the connection ended before it could be used"};
    }
}

void fetcher::begin_sending(flight& f, gate::permit& way)
{
    breaker_.sending(parts_.clock.steady());
    f.sent_at = parts_.clock.wall();
    f.sent_steady = parts_.clock.steady();
    f.sent = true;
    way.sending();
    retries_.sent(f.sent_steady);
    counts_.sent(f.first.tool);
}

task<void> fetcher::exchange_on(connection_pool::loan& line, flight& f, gate::permit& way, attempt& to)
{
    const clock_source& clock = parts_.clock;
    milliseconds timeout = parts_.config->upstream.response_timeout;
    to.led = collect_batch(f);
    std::string request = message_of(parts_.upstream, f, to.led.get());
    f.ticket = parts_.kept.ticket();
    begin_sending(f, way);
    if (to.led)
        for (const flight_ptr& other : to.led->others)
        {
            other->sent = true;
            other->ticket = f.ticket;
            other->sent_at = f.sent_at;
            other->sent_steady = f.sent_steady;
        }
    bool late = false;
    alarm clock_out(parts_.loop, clock), acknowledgement(parts_.loop, clock);
    clock_out.set(f.sent_steady + timeout, [&] {
        late = true;
        line.connection().close();
    });
    acknowledgement.set(f.sent_steady + parts_.config->budget.margin, [&] {
        if (line.connection().is_acknowledged()) way.acknowledged();
    });
    const std::function<void()> begins = [&] { way.answered(line.connection().least_round_trip()); };
    std::size_t body_max = to.led ? bulk_answer_bytes_max : call_answer_bytes_max;
    exchanged& answer = to.answer;
    answer = co_await exchange(line.connection(), request, body_max, begins);
    clock_out.cancel();
    acknowledgement.cancel();
    f.ended = clock.steady();
    if (!to.led) bulk_.single_took(std::chrono::floor<duration>(f.ended - f.sent_steady));
    if (late && std::holds_alternative<upstream_failure>(answer.result))
        answer.result = upstream_failure{failing::slow, "no whole answer within " + std::to_string(timeout.count()) +
                                                            " ms (upstream.response_timeout)"};
    if (answer.reusable && !late)
        line.give_back();
    else
        line.connection().close();
}

}  // namespace callcache
