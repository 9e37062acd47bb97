// Alerts to the operator's chat: looks at what the fetcher reports, sends what is due, and remembers what was told.
#pragma once

#include "server/alerts/alert_rules.hpp"
#include "server/alerts/webhook.hpp"
#include "server/fetch/report.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace callcache
{

// The alerts' view of a report.
alert_facts facts_of(const upstream_report&);

// Made by make_shared: what runs on the loop holds it.
class alerts : public std::enable_shared_from_this<alerts>
{
public:
    // `name`: of this callcache, for who has several. `memory_file`: what was told is kept there; empty: nowhere.
    alerts(webhook::parts, webhook_url, std::string name, std::string memory_file);

    // The fetch loop, every few seconds.
    void look(const upstream_report&);

    // Any thread. For the attempts that begin from now on.
    void use(webhook_url);
    void use(std::shared_ptr<asio::ssl::context>);

    // One thread, now and then: writes what was told since. Waits for the disk.
    void keep();

    alert_counts counts() const { return hook_.counts(); }  // any thread

    // The loop has stopped.
    void abandon() { hook_.abandon(); }

private:
    void was_delivered(alert_kind, wall_time at);

    const executor loop_;
    const clock_source& clock_;
    log& out_;
    const std::string name_, memory_file_;
    std::mutex mutex_;
    alert_memory delivered_;  // under the mutex, like the next
    bool is_unwritten_ = false;
    bool cannot_write_ = false;  // keep()'s alone
    alert_rules rules_;
    webhook hook_;
};

}  // namespace callcache
