// The fetcher: everything about lookups that what is kept cannot answer. One flight for each call, however many ask.
#pragma once

#include "cache/invalidation.hpp"
#include "server/budget/gate.hpp"
#include "server/fetch/breaker.hpp"
#include "server/fetch/bulk_reads.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/fetcher_parts.hpp"
#include "server/fetch/lookup.hpp"
#include "server/fetch/refused_credentials.hpp"
#include "server/fetch/relay_channel.hpp"
#include "server/fetch/report.hpp"
#include "server/fetch/retry_budget.hpp"
#include "server/fetch/upstream_counts.hpp"
#include "server/fetch/way_out.hpp"
#include "server/upstream/pool.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <set>

namespace callcache
{

// It lives on one loop, and there are no locks here. What runs on the loop holds it: it is gone at the latest with the
// loop. A flight belongs to the fetcher and not to the client that began it: whoever leaves takes nobody along.
class fetcher : public std::enable_shared_from_this<fetcher>
{
public:
    explicit fetcher(const fetcher_parts&);
    ~fetcher();

    // --- Any thread. What is `done` is called on the fetch loop.
    using answered = std::function<void(looked_up)>;
    void ask(lookup, answered done);  // once
    void refresh(lookup);             // the same for nobody, in the background
    void left(std::uint64_t asker);   // the one who asked under this name has hung up
    // A request that passes through wants to be sent; see relay_channel.hpp. `changes` is what it makes untrue.
    void relay(lookup, invalidation changes, relay_ptr);
    executor loop() const { return parts_.loop; }
    // While it is true, stale is served without a refresh.
    bool is_stretched() const { return stretched_.load(std::memory_order_relaxed); }

    void resume(std::function<void()> done);  // the operator ends a pause that the vendor asked for
    void ask_report(std::function<void(upstream_report)> done);
    void use(std::shared_ptr<asio::ssl::context>);  // the connections that are made from now on do
    void reload();                                  // what was built from the settings learns of those in force
    void drain();  // who waits in the queue is told to come back; what was sent is finished

    // The loop has stopped: the last page of the ledger, with what was not spent; and lets go of what waits, which may
    // hold the fetcher.
    ledger_page last_page() { return gate_.last_page(); }
    void abandon();

    // Fetch loop only: for the operator, for the first lines of a start, and for tests.
    callcache::forecast forecast(const lookup&) const;
    budget_report spending() const { return gate_.spending().report(parts_.clock.now()); }
    std::size_t flights() const { return flights_.size(); }
    std::size_t waiting(const std::string& id) const;
    std::size_t sent() const { return counts_.total().sent; }

    // What the fetcher's own files speak of, in flight.hpp.
    struct waiter;
    struct flight;
    struct batch;
    struct share;
    class outgoing_flight;
    class outgoing_lookup;
    class outgoing_relay;
    using flight_ptr = std::shared_ptr<flight>;

private:
    using flight_key = std::pair<const partition*, std::string>;
    // fetcher.cpp: questions.
    void begin(lookup, answered done);
    flight_ptr begin_flight(const lookup&, relay_ptr = nullptr);
    flight_ptr joinable(const partition*, const std::string& id) const;
    std::optional<looked_up> look_again(const lookup&) const;
    bool is_worth_refreshing(const lookup&) const;
    obstacle obstacle_to(const lookup&) const;
    std::optional<looked_up> refused(const lookup&) const;
    void join(const flight_ptr&, lookup, answered done);
    void limit_time(flight&, std::list<waiter>::iterator);
    waiter part_with(flight&, std::list<waiter>::iterator);
    void on_deadline(flight&, std::list<waiter>::iterator);
    void keep_or_linger(flight&);
    void shut(const flight&);
    void on_refused(budget::item, const asking&, const refusal&);
    void tell_who_cannot_wait();
    looked_up fallback(const lookup&, looked_up otherwise) const;
    // send.cpp: a lookup, until there is an answer to settle with.
    static task<void> run(std::shared_ptr<fetcher>, flight_ptr);
    task<upstream_result> fetch(flight&);
    bool may_retry(const flight&, const upstream_result&, int retries);
    void learn_from(const flight&, const upstream_result&, bool is_outage);
    void stretch();
    void hear_429(flight&, const upstream_answer&);
    // batch.cpp: several lookups by one request.
    std::uint64_t batch_key_of(const lookup&) const;
    std::shared_ptr<batch> collect_batch(flight&);
    share distribute(flight& lead, batch&, const upstream_result&);
    void end_bulk(const flight& lead, batch&, const bulk_classification&, std::size_t found);
    void check_bulk(const lookup&, const std::string& call);
    void compare(const flight&, const upstream_result&);
    // relay_admission.cpp: a request that passes through.
    static task<void> run_relay(std::shared_ptr<fetcher>, flight_ptr);
    task<void> send_relay(const flight_ptr&);
    task<bool> follow_answer(const flight_ptr&, gate::permit&, const carrier&);
    bool hear_answer(flight&, const relay_report&);
    // settle.cpp: what an answer means.
    void settle(const flight_ptr&, upstream_result);
    void keep(const flight_ptr&, std::shared_ptr<entry>, std::shared_ptr<const upstream_answer>);
    void keep_brought(const flight&, const upstream_answer&);
    void pass_by(const flight_ptr&, const std::shared_ptr<const upstream_answer>&);
    void fail(const flight_ptr&, std::shared_ptr<const upstream_answer>, const upstream_failure&);
    void confirm(partition&, wall_time sent_at);
    void hear_401(const flight&);
    void forget(const flight&);
    void note_end(const flight&, const upstream_result&, std::size_t calls = 0);
    void answer_all(const flight_ptr&, const looked_up&);

    const fetcher_parts parts_;
    gate gate_;
    connection_pool pool_;
    semaphore relay_lanes_;  // two connections are lookups' own
    breaker breaker_;
    way_out way_;
    std::map<flight_key, flight_ptr> flights_;
    std::set<const partition*> renewing_;  // whose trust a flight is about to renew
    std::map<partition_id, wall_time> confirmation_written_;
    upstream_counts counts_;
    std::map<budget::item, flight*> by_number_;
    std::set<relay_ptr> relays_;
    std::map<std::uint64_t, std::pair<flight*, std::list<waiter>::iterator>> askers_;
    refused_credentials refused_credentials_;
    bulk_reads bulk_;
    retry_budget retries_;
    std::string vendor_remaining_;
    std::atomic<bool> stretched_{false};
    alarm stretch_again_;
    budget::item last_number_ = 0;
    bool draining_ = false, heard_401_ = false;
};

}  // namespace callcache
