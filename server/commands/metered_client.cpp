#include "server/commands/metered_client.hpp"

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

constexpr auto patience = std::chrono::seconds(60);  // of somebody who sits before a terminal

}  // namespace

// For no tool: its name is empty, and nobody's share of the day grows or shrinks by it. Otherwise the only tool of a
// day would be one of two, and lose a fifth of the day (budget.tool_daily_percent).
class metered_client::message final : public outgoing_request
{
public:
    message(metered_client& home, std::string text, std::size_t body_max) :
        outgoing_request(++home.last_),
        home_(home),
        text_(std::move(text)),
        body_max_(body_max)
    {}

    exchanged answer;  // once it was sent

    std::vector<asking> begin_wait() override { return std::vector<asking>(1); }

    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        auto& line = home_.line_;
        if (line && !fresh && line->is_quiet()) co_return std::nullopt;
        line.reset();
        const parts& p = home_.parts_;
        connected c = co_await callcache::connect(p.to, p.clock, p.clock.steady() + p.config.upstream.connect_timeout);
        if (auto* failure = std::get_if<upstream_failure>(&c)) co_return std::move(*failure);
        line = std::move(std::get<std::unique_ptr<transport>>(c));
        co_return std::nullopt;
    }
    bool is_connected() override { return home_.line_->is_quiet(); }

    // A pause, or the end of the day, is for the terminal to hear of.
    std::optional<unsent> put_aside() override
    {
        return home_.gate_.spending().refuses({}, duration(0), home_.parts_.clock.now()).value_or(refusal());
    }

    task<void> exchange(gate::permit& permit) override
    {
        const parts& p = home_.parts_;
        const exchange_bounds bounds{p.config.upstream.response_timeout, body_max_};
        answer = co_await exchange_within(bounds, *home_.line_, text_, permit, p.clock);
        if (!answer.reusable) home_.line_.reset();
    }

private:
    metered_client& home_;
    const std::string text_;
    const std::size_t body_max_;
};

metered_client::metered_client(parts p) :
    parts_(std::move(p)),
    gate_({parts_.loop, parts_.config.budget, 1, parts_.clock, parts_.book, parts_.day, 0,
           [](budget::item, const asking&, const refusal&) {}}),
    way_(gate_, outage_, parts_.clock)
{}

metered_client::~metered_client()
{
    parts_.book.write(gate_.last_page(), [](ledger_state) {});
}

upstream_failure metered_client::limited(const refusal& no) const
{
    return {failure_kind::stopping, words_of(no, parts_.config.budget, parts_.clock.wall())};
}

task<upstream_result> metered_client::send(std::string request, std::size_t body_max)
{
    if (auto no = gate_.spending().refuses({}, patience, parts_.clock.now())) co_return limited(*no);
    message out(*this, std::move(request), body_max);
    auto unsent = co_await way_.send(out, {});
    if (auto* no = unsent ? std::get_if<refusal>(&*unsent) : nullptr) co_return limited(*no);
    if (unsent) co_return std::move(std::get<upstream_failure>(*unsent));
    if (auto* a = std::get_if<upstream_answer>(&out.answer.result))
    {
        if (a->status == 429)
            gate_.refused(a->find("retry-after"));
        else
            gate_.accepted();
    }
    co_return std::move(out.answer.result);
}

}  // namespace callcache
