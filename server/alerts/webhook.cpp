#include "server/alerts/webhook.hpp"

#include "server/async/backoff.hpp"
#include "server/text/json_text.hpp"
#include "server/upstream/connect_memory.hpp"
#include "server/upstream/exchange.hpp"
#include "server/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <deque>

namespace callcache
{
namespace
{

constexpr std::size_t answer_bytes_max = 64 << 10;

std::string message(const webhook_url& to, const std::string& text)
{
    const std::string body = json_object([&](json_text& json) { json("text", text); });
    return "POST " + to.target + " HTTP/1.1\r\nHost: " + to.receiver.authority() +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" + version + "\r\nConnection: close\r\n\r\n" + body;
}

// Why an attempt was no delivery; empty if it was.
struct outcome_of_attempt
{
    std::string why;
    bool is_in_vain = false;  // to try again
};

outcome_of_attempt read_answer(const upstream_result& r)
{
    if (auto* failure = std::get_if<upstream_failure>(&r)) return {failure->text};
    const unsigned status = std::get<upstream_answer>(r).status;
    if (status >= 200 && status < 300) return {};
    const std::string said = "the receiver answered " + std::to_string(status);
    if (status >= 300 && status < 400) return {said + ", a redirect, which is not followed", true};
    return {said, status >= 400 && status < 500 && status != 408 && status != 429};
}

}  // namespace

struct webhook::state
{
    state(parts p, webhook_url u) : parts_(std::move(p)) { aim(std::move(u)); }

    void aim(webhook_url u)
    {
        url = std::move(u);
        const bool by_proxy = url.receiver.tls && !is_loopback(url.receiver.at.host);
        to = {.vendor = url.receiver,
              .proxy = by_proxy ? parts_.proxy : std::nullopt,
              .tls = url.receiver.tls ? parts_.tls : nullptr,
              .own = parts_.own};
    }

    task<outcome_of_attempt> attempt(std::string text);
    task<void> deliver();
    static task<void> run(std::shared_ptr<state>);
    void failed(const std::string& why);
    void worked();

    struct waiting
    {
        std::string text;
        std::function<void()> delivered;
    };

    parts parts_;
    webhook_url url;
    destination to;
    std::shared_ptr<connect_memory> attempted;  // of the attempt that is under way, or was the last
    std::deque<waiting> queue;                  // the first is under way
    bool is_running = false;
    std::atomic<std::uint64_t> delivered{0}, given_up{0}, failed_attempts{0};
    std::atomic<bool> is_failing{false};
};

webhook::webhook(parts p, webhook_url url) : state_(std::make_shared<state>(std::move(p), std::move(url))) {}

void webhook::send(std::string text, std::function<void()> delivered)
{
    auto& waiting = state_->queue;
    if (waiting.size() >= waiting_max)
    {
        waiting.erase(waiting.begin() + (state_->is_running ? 1 : 0));
        ++state_->given_up;
    }
    waiting.push_back({std::move(text), std::move(delivered)});
    if (state_->is_running) return;
    state_->is_running = true;
    asio::co_spawn(state_->parts_.loop, state::run(state_), asio::detached);
}

void webhook::use(webhook_url url)
{
    state_->aim(std::move(url));
}

void webhook::use(std::shared_ptr<asio::ssl::context> tls)
{
    state_->parts_.tls = std::move(tls);
    state_->aim(state_->url);
}

alert_counts webhook::counts() const
{
    return {state_->delivered, state_->given_up, state_->failed_attempts, state_->is_failing};
}

void webhook::abandon()
{
    for (const auto& memory : {state_->to.memory, state_->attempted})
        if (memory) memory->names->abandon();
    state_->queue.clear();
}

void webhook::state::failed(const std::string& why)
{
    ++failed_attempts;
    if (!is_failing.exchange(true))
        parts_.out.warn("alerts cannot be delivered (alerts.webhook_file); the next attempts are not logged",
                        {{"why", why}});
}

void webhook::state::worked()
{
    ++delivered;
    if (is_failing.exchange(false)) parts_.out.info("alerts are delivered again (alerts.webhook_file)");
}

task<outcome_of_attempt> webhook::state::attempt(std::string text)
{
    const destination there = to;
    attempted = there.memory;
    const std::string request = message(url, text);
    const steady_time deadline = parts_.clock.steady() + attempt_max;
    connected c = co_await connect(there, parts_.clock, deadline);
    if (auto* failure = std::get_if<upstream_failure>(&c)) co_return outcome_of_attempt{failure->text};
    transport& line = *std::get<std::unique_ptr<transport>>(c);
    bool is_late = false;
    alarm clock_out(co_await asio::this_coro::executor, parts_.clock);
    clock_out.set(deadline, [&] {
        is_late = true;
        line.close();
    });
    const std::function<void()> begins = [] {};
    exchanged e = co_await exchange(line, request, answer_bytes_max, begins);
    clock_out.cancel();
    line.close();
    if (is_late) co_return outcome_of_attempt{"the receiver has not answered within 10 s"};
    co_return read_answer(e.result);
}

// The first of the queue, until it is delivered or given up.
task<void> webhook::state::deliver()
{
    const std::string text = queue.front().text;
    for (unsigned attempts = 1;; ++attempts)
    {
        const outcome_of_attempt o = co_await attempt(text);
        if (o.why.empty())
        {
            worked();
            queue.front().delivered();
            break;
        }
        failed(o.why);
        if (o.is_in_vain || attempts >= attempts_max)
        {
            ++given_up;
            break;
        }
        const auto pause = wait_after<std::chrono::seconds>(attempts, first_pause, longest_pause);
        co_await sleep_until(parts_.clock, parts_.clock.steady() + pause);
    }
    queue.pop_front();
}

task<void> webhook::state::run(std::shared_ptr<state> self)
{
    try
    {
        while (!self->queue.empty()) co_await self->deliver();
    }
    catch (const std::exception& mistake)
    {
        self->parts_.out.error("a mistake in callcache", {{"what", mistake.what()}});
        self->given_up += self->queue.size();
        self->queue.clear();
    }
    self->is_running = false;
}

}  // namespace callcache
