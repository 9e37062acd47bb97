// Sends alerts to the webhook, on a connection of its own for each.
#pragma once

#include "config/proxy_address.hpp"
#include "server/alerts/alert_counts.hpp"
#include "server/alerts/webhook_url.hpp"
#include "server/async/clock.hpp"
#include "server/telemetry/log.hpp"
#include "server/upstream/transport.hpp"

#include <functional>
#include <memory>
#include <string>

namespace callcache
{

// One loop's thread, but for counts(). What runs on the loop holds the state, so that this may go first.
//
// An attempt takes at most `attempt_max`, whatever the receiver does; its answer is read and not believed: only a 2xx
// is a delivery, and no redirect is followed. What fails is tried again after 15 s, then after twice as long each time,
// `attempts_max` times in all; not where the receiver says that it would be in vain. Alerts keep their order, and at
// most `waiting_max` wait: then the oldest goes.
class webhook
{
public:
    static constexpr auto attempt_max = std::chrono::seconds(10);
    static constexpr unsigned attempts_max = 6;
    static constexpr auto first_pause = std::chrono::seconds(15), longest_pause = std::chrono::seconds(600);
    static constexpr std::size_t waiting_max = 10;

    struct parts
    {
        executor loop;
        const clock_source& clock;
        log& out;
        std::optional<proxy_address> proxy;  // the company's, for a receiver that is reached by https://
        std::shared_ptr<asio::ssl::context> tls;
        std::shared_ptr<const own_marks> own;
    };
    webhook(parts, webhook_url);

    // `delivered` is called on the loop, if it is.
    void send(std::string text, std::function<void()> delivered);

    // For the attempts that begin from now on.
    void use(webhook_url);
    void use(std::shared_ptr<asio::ssl::context>);

    alert_counts counts() const;  // any thread

    // As in semaphore: the loop has stopped.
    void abandon();

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace callcache
