// The brain: everything about lookups that what is kept cannot answer. One flight for each call, however many ask.
#pragma once

#include "cache/tiers.hpp"
#include "config/address.hpp"
#include "server/budget/gate.hpp"
#include "server/log.hpp"
#include "server/lookup.hpp"
#include "server/upstream/breaker.hpp"
#include "server/upstream/exchange.hpp"
#include "server/upstream/judge.hpp"
#include "server/upstream/pool.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace callcache
{

// It lives on one loop, and there are no locks here. What runs on the loop holds it: it is gone at the latest with the
// loop. A flight belongs to the brain and not to the client that began it: whoever leaves takes nobody along.
class brain : public std::enable_shared_from_this<brain>
{
public:
    struct parts
    {
        executor loop;
        const settings& config;
        origin upstream;
        std::shared_ptr<asio::ssl::context> tls;
        tiers& kept;
        partitions& known;
        const clock_source& clock;
        callcache::log& out;
        bool may_follow_another = false;  // nothing is sent for one window
    };
    explicit brain(const parts&);
    ~brain();

    using answered = std::function<void(looked_up)>;

    // Any thread. `done` is called once, on the brain's loop.
    void ask(lookup, answered done);

    // Any thread. Fetches in the background; nobody waits.
    void refresh(lookup);

    // Any thread. The connections that are made from now on use it.
    void use(std::shared_ptr<asio::ssl::context>);

    // Any thread. Who waits in the queue is told to come back; what was sent is finished.
    void drain();

    // The loop has stopped: lets go of what waits, which may hold the brain.
    void abandon();

    // Brain loop only: for health and tests.
    std::size_t flights() const { return flights_.size(); }
    std::size_t waiting(const std::string& id) const;
    std::size_t sent() const { return sent_; }

private:
    struct waiter;
    struct flight;
    using flight_ptr = std::shared_ptr<flight>;
    using flight_key = std::pair<const partition*, std::string>;

    void begin(lookup, answered done);
    std::optional<looked_up> look_again(const lookup&) const;
    bool is_worth_refreshing(const lookup&) const;
    std::optional<reply> refusal(const lookup&) const;
    std::optional<reply> over_budget(const lookup&) const;
    reply is_down(std::string_view why) const;
    void join(const flight_ptr&, lookup, answered done);
    looked_up fallback(const lookup&, looked_up otherwise) const;

    static task<void> run(std::shared_ptr<brain>, flight_ptr);
    task<upstream_result> fetch(flight&);
    void learn_from(const upstream_result&);
    task<std::optional<upstream_failure>> send_one(flight&, bool retry, exchanged& answer, bool& was_used);

    void land(const flight_ptr&, upstream_result);
    void keep(const flight_ptr&, std::shared_ptr<entry>, std::shared_ptr<const upstream_answer>);
    void fail(const flight_ptr&, std::shared_ptr<const upstream_answer>, const upstream_failure&);
    void confirm(partition&, wall_time sent_at);
    void hear_401(const flight&);
    void forget(const flight&);
    void log_failure(const flight&, const upstream_failure&);
    void answer_all(const flight_ptr&, const looked_up&);
    void log_request(const flight&, const upstream_result&) const;

    const parts parts_;
    gate gate_;
    connection_pool pool_;
    breaker breaker_;
    std::map<flight_key, flight_ptr> flights_;
    std::set<const partition*> renewing_;  // whose trust a flight is about to renew
    std::map<partition_id, wall_time> confirmation_written_;
    struct lately_failed
    {
        std::optional<steady_time> told_at;
        std::size_t count = 0;
    };
    std::map<upstream_failure::kind, lately_failed> failures_;
    std::size_t sent_ = 0;
    bool draining_ = false;
    bool heard_401_ = false;
};

}  // namespace callcache
