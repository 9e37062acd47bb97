// Sends a lookup's flight, by a single GET or a bulk read, and tries it again, until there is an answer to settle with.
// The order of the steps is in way_out.hpp.

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
constexpr milliseconds first_retry_after = 200ms, last_retry_after = 400ms;  // give or take a half

// The message of a lookup: its own GET, or one bulk read for it and its batch.
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

std::vector<asking> fetcher::outgoing_flight::begin_wait()
{
    f_.queued = true;
    if (home_.gate_.spending().is_held(home_.parts_.clock.now())) home_.tell_who_cannot_wait();
    home_.keep_or_linger(f_);
    std::vector<asking> who;
    std::uint64_t batch_key = f_.alone || f_.relay ? 0 : home_.batch_key_of(f_.first);
    for (const waiter& w : f_.waiters) who.push_back({w.asked.tool, w.asked.how, batch_key});
    if (who.empty()) who.push_back({f_.first.tool, f_.first.how, batch_key});
    return who;
}

void fetcher::outgoing_flight::end_wait()
{
    f_.queued = f_.lingers = false;
    f_.turn_at = home_.parts_.clock.steady();
    f_.end->cancel();
}

upstream_failure fetcher::outgoing_flight::limited(refusal no)
{
    f_.limited = std::move(no);
    return {failing::limited, "the budget says no"};
}

std::optional<upstream_failure> fetcher::outgoing_flight::objection()
{
    f_.refused = home_.refused_credentials_.wait(f_.refused_as, home_.parts_.clock.steady()).has_value();
    if (!f_.refused) return std::nullopt;
    return upstream_failure{failing::limited, "Gong has just refused this credential"};
}

void fetcher::outgoing_flight::note_sending()
{
    const clock_source& clock = home_.parts_.clock;
    f_.ticket = home_.parts_.kept.ticket();
    f_.sent_at = clock.wall();
    f_.sent_steady = clock.steady();
    f_.sent = true;
    home_.retries_.sent(f_.sent_steady);
    home_.counts_.sent(f_.first.tool);
}

// A lookup by its own GET, or with those that it takes along.
class fetcher::outgoing_lookup final : public outgoing_flight
{
public:
    using outgoing_flight::outgoing_flight;

    // Once it was sent.
    exchanged answer;
    std::shared_ptr<batch> led;  // it was a bulk read
    bool was_used = false;       // the connection

    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        loan_.reset();
        auto taken =
            co_await home_.pool_.take(fresh, home_.parts_.clock.steady() + home_.parts_.config->server.answer_max);
        if (auto* failure = std::get_if<upstream_failure>(&taken)) co_return std::move(*failure);
        loan_.emplace(std::move(std::get<connection_pool::loan>(taken)));
        co_return std::nullopt;
    }

    bool is_connected() override { return loan_->connection().is_quiet(); }

    std::optional<upstream_failure> put_aside() override
    {
        loan_->give_back();
        loan_.reset();
        return std::nullopt;
    }

    bool is_taken_along() const override { return f_.rider.has_value(); }

    void prepare() override
    {
        was_used = loan_->was_used();
        led = home_.collect_batch(f_);
        message_ = message_of(home_.parts_.upstream, f_, led.get());
        note_sending();
        if (!led) return;
        for (const flight_ptr& other : led->others)
        {
            other->sent = true;
            other->ticket = f_.ticket;
            other->sent_at = f_.sent_at;
            other->sent_steady = f_.sent_steady;
        }
    }

    task<void> exchange(gate::permit& permit) override
    {
        const settings& s = *home_.parts_.config;
        const exchange_settings limits{s.upstream.response_timeout, s.budget.margin,
                                       led ? bulk_answer_bytes_max : call_answer_bytes_max};
        answer = co_await exchange_within(limits, loan_->connection(), message_, permit, home_.parts_.clock);
        f_.ended = home_.parts_.clock.steady();
        if (!led) home_.bulk_.single_took(std::chrono::floor<duration>(f_.ended - f_.sent_steady));
        if (answer.reusable) loan_->give_back();
        loan_.reset();
    }

private:
    std::optional<connection_pool::loan> loan_;
    std::string message_;
};

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
        outgoing_lookup out(*this, f);
        auto unsent = co_await way_.send(out, {again, fresh});
        if (unsent)
        {
            learn_from(f, *unsent, is_outage(*unsent, of_call));
            co_return std::move(*unsent);
        }
        if (f.rider)
        {
            share heard = co_await f.rider->next();
            f.rider.reset();
            f.sent = false;
            if (heard.next == share::what::answered) co_return std::move(heard.result);
            f.alone = heard.next == share::what::alone;
            continue;
        }
        f.sent = false;
        upstream_result& result = out.answer.result;
        note_end(f, result, out.led ? out.led->asked : 0);
        auto* failure = std::get_if<upstream_failure>(&result);
        if (failure && failure->what == failing::closed && out.was_used && !fresh)
        {
            fresh = true;
            continue;
        }
        learn_from(f, result, is_outage(result, of_call && !out.led));
        if (auto* answer = std::get_if<upstream_answer>(&result); answer && answer->status == 429)
        {
            hear_429(f, *answer);
            if (!f.waiters.empty()) continue;
            co_return std::move(result);
        }
        if (!may_retry(f, result, retries))
        {
            if (!out.led) co_return std::move(result);
            share mine = distribute(f, *out.led, result);
            if (mine.next == share::what::answered) co_return std::move(mine.result);
            f.alone = true;
            continue;
        }
        fresh = true;
        counts_.retried();
        milliseconds wait = wait_after(unsigned(++retries), first_retry_after, last_retry_after);
        auto jitter = std::chrono::duration_cast<milliseconds>(wait * (jitter_of(f.first.id, f.sent_at) / 2));
        co_await sleep_until(parts_.clock, parts_.clock.steady() + wait + jitter);
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
void fetcher::learn_from(const flight& f, const upstream_result& r, bool is_outage)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    if (failure && !is_asked(failure->what)) return;
    if (answer && answer->status != 429) gate_.accepted();
    if (answer)
        if (const std::string* remaining = answer->find("x-ratelimit-remaining")) vendor_remaining_ = *remaining;
    bool was_down = breaker_.is_down();
    if (is_outage)
        breaker_.failed(f.turn_at, parts_.clock.steady());
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

}  // namespace callcache
