#include "server/commands/metered_client.hpp"

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;

constexpr auto patience = std::chrono::seconds(60);  // of somebody who sits before a terminal

}  // namespace

metered_client::metered_client(parts p) :
    parts_(std::move(p)),
    gate_({parts_.loop, parts_.config.budget, 1, parts_.clock, parts_.book, parts_.day,
           [](budget::item, const asking&, const refusal&) {}, [] {}})
{}

metered_client::~metered_client()
{
    parts_.book.write(gate_.last_page(), [](ledger_state) {});
}

upstream_failure metered_client::limited(const refusal& no) const
{
    return {failing::limited, words_of(no, parts_.config.budget, parts_.clock.wall())};
}

// A connection on which the request can be written at once, and room in the window.
task<std::optional<upstream_failure>> metered_client::make_ready(gate::permit& way)
{
    for (bool fresh = false;; fresh = true)
    {
        if (!line_ || !line_->is_quiet())
        {
            steady_time deadline = parts_.clock.steady() + parts_.config.upstream.connect_timeout;
            connected c = co_await connect(parts_.to, parts_.clock, deadline);
            if (auto* failure = std::get_if<upstream_failure>(&c)) co_return std::move(*failure);
            line_ = std::move(std::get<std::unique_ptr<transport>>(c));
        }
        bool room = co_await way.acquire();
        if (!room)
        {
            auto no = gate_.spending().refuses({}, duration(0), parts_.clock.now());
            co_return limited(no.value_or(refusal()));
        }
        if (line_->is_quiet()) co_return std::nullopt;
        if (fresh) co_return upstream_failure{failing::lost, "the connection ended before it could be used"};
    }
}

task<upstream_result> metered_client::send(std::string request, std::size_t body_max)
{
    // For no tool: its name is empty, and nobody's share of the day grows or shrinks by it. Otherwise the only tool of
    // a day would be one of two, and lose a fifth of the day (budget.tool_daily_percent).
    std::vector<asking> nobody(1);
    if (auto no = gate_.spending().refuses(nobody.front(), patience, parts_.clock.now())) co_return limited(*no);
    budget::item number = ++last_;
    gate::turn turn = co_await gate_.enter(number, std::move(nobody), false);
    if (auto* no = std::get_if<refusal>(&turn)) co_return limited(*no);
    gate::permit way(gate_, number);
    auto failed = co_await make_ready(way);
    if (failed) co_return std::move(*failed);
    exchanged e = co_await exchange_on_line(way, request, body_max);
    if (!e.reusable) line_.reset();
    if (auto* a = std::get_if<upstream_answer>(&e.result))
    {
        if (a->status == 429)
            gate_.refused(a->find("retry-after"));
        else
            gate_.accepted();
    }
    co_return std::move(e.result);
}

task<exchanged> metered_client::exchange_on_line(gate::permit& way, const std::string& request, std::size_t body_max)
{
    milliseconds timeout = parts_.config.upstream.response_timeout;
    steady_time sent_at = parts_.clock.steady();
    bool late = false;
    alarm clock_out(parts_.loop, parts_.clock), acknowledgement(parts_.loop, parts_.clock);
    clock_out.set(sent_at + timeout, [&] {
        late = true;
        line_->close();
    });
    acknowledgement.set(sent_at + parts_.config.budget.margin, [&] {
        if (line_->is_acknowledged()) way.acknowledged();
    });
    const std::function<void()> begins = [&] { way.answered(line_->least_round_trip()); };
    way.sending();
    exchanged e = co_await exchange(*line_, request, body_max, begins);
    if (late && std::holds_alternative<upstream_failure>(e.result))
        e.result = upstream_failure{failing::slow, "no whole answer within " + std::to_string(timeout.count()) +
                                                       " ms (upstream.response_timeout)"};
    e.reusable = e.reusable && !late;
    co_return e;
}

}  // namespace callcache
