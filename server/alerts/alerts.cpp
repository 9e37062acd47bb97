#include "server/alerts/alerts.hpp"

#include "server/alerts/durable_text.hpp"
#include "server/secrets/whole_file.hpp"

#include <cerrno>
#include <cstring>

namespace callcache
{
namespace
{

alert_memory memory_in(const std::string& file)
{
    if (file.empty()) return {};
    return read_alert_memory(read_whole_file(file).value_or(""));
}

}  // namespace

alert_facts facts_of(const upstream_report& r)
{
    const budget_report& b = r.spending;
    alert_facts f{b.daily, b.spent, b.left, b.ends_in, b.wait, b.paused_for, r.is_up};
    for (const auto& [kind, totals] : r.totals.by_kind)
        for (const auto& [status, count] : totals.by_status)
        {
            if (status == 429) f.refusals += count;
            if (status != 0 && !is_gateway_error(status)) f.answers += count;
        }
    return f;
}

alerts::alerts(webhook::parts p, webhook_url url, std::string name, std::string memory_file) :
    loop_(p.loop),
    clock_(p.clock),
    out_(p.out),
    name_(std::move(name)),
    memory_file_(std::move(memory_file)),
    delivered_(memory_in(memory_file_)),
    rules_(delivered_),
    hook_(std::move(p), std::move(url))
{}

void alerts::look(const upstream_report& r)
{
    for (alert& a : rules_.look(facts_of(r), clock_.now()))
    {
        out_.info("alert", {{"text", a.text}});
        hook_.send(name_ + ": " + a.text, [weak = weak_from_this(), what = a.what, at = a.at] {
            if (auto self = weak.lock()) self->was_delivered(what, at);
        });
    }
}

// What was not delivered is due again after a start, if it is still so.
void alerts::was_delivered(alert_kind what, wall_time at)
{
    std::lock_guard lock(mutex_);
    remember(delivered_, what, at);
    is_unwritten_ = !memory_file_.empty();
}

void alerts::keep()
{
    std::unique_lock lock(mutex_);
    if (!is_unwritten_) return;
    is_unwritten_ = false;
    const std::string text = text_of(delivered_);
    lock.unlock();
    if (replace_durably(memory_file_, text))
    {
        cannot_write_ = false;
        return;
    }
    const std::string why = std::strerror(errno);
    if (!std::exchange(cannot_write_, true))
        out_.warn("which alerts were sent cannot be written down: they come again after a start",
                  {{"file", memory_file_}, {"why", why}});
    lock.lock();
    is_unwritten_ = true;
}

void alerts::use(webhook_url url)
{
    asio::post(loop_, [self = shared_from_this(), url = std::move(url)]() mutable { self->hook_.use(std::move(url)); });
}

void alerts::use(std::shared_ptr<asio::ssl::context> tls)
{
    asio::post(loop_, [self = shared_from_this(), tls = std::move(tls)]() mutable { self->hook_.use(std::move(tls)); });
}

}  // namespace callcache
