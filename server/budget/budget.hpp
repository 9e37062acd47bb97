// The budget: one place that says who may send a request upstream, and when.
//
// The order is: queue → inside, where a connection is made ready → leased from the day, durably → room in the window →
// sent. Only `burst` requests are inside at a time, so that whoever comes next waits for those few alone.
#pragma once

#include "cache/ledger_page.hpp"
#include "server/budget/budget_report.hpp"
#include "server/budget/daily_quota.hpp"
#include "server/budget/fair_queue.hpp"
#include "server/budget/refusal.hpp"
#include "server/budget/sliding_window.hpp"
#include "server/budget/tool_shares.hpp"
#include "server/text/tool_names.hpp"

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>

namespace callcache
{

// Pure; one thread. The steady part of `now` never goes back.
class budget
{
public:
    using item = fair_queue::item;

    // `kept` is what the ledger holds; `boot` names the run of the machine. At most `batch_max` items share one
    // request.
    budget(const budget_settings&, calendar, const ledger_page& kept, const std::string& boot, moment now,
           std::size_t batch_max = 1);

    // What holds from now on, also for what was sent before; budget.day and budget.path do not change.
    void reconfigure(const budget_settings&, moment now);

    // Why a request may not even wait, or nothing. `allowed` is how long it may.
    std::optional<refusal> refuses(const asking&, duration allowed, moment now) const;

    // Why even the next one could not have its turn within `allowed`, or nothing.
    std::optional<refusal> delays(duration allowed, moment now) const;

    // Why one that would join the waiting `i` could not have its turn within `allowed`, or nothing.
    std::optional<refusal> refuses_to_join(item i, const asking&, duration allowed, moment now) const;

    // Why the tool may spend nothing more of the day, or nothing. It may still wait for what another tool asks for.
    std::optional<refusal> refuses_share(const asking&, moment now) const;

    // Which tools are told apart. Those that ask under another name do so as other_tools.
    tool_names& tools() { return names_; }
    const tool_names& tools() const { return names_; }

    // How long until a request that came now would be sent.
    duration expected(const asking&, moment now) const;

    // --- The queue. An item may wait for several who ask, and has its turn once.
    void add(item, const asking&, moment now, bool came_back = false);
    void remove(item i) { queue_.remove(i); }
    void stop_batching(std::uint64_t batch_key);  // those of it go alone from now on
    const fair_queue& queue() const { return queue_; }

    // One who asks and will not have a turn in time: the deadline has come or cannot be kept any more, there are too
    // many, or what is left of the day is not for that tool. `gone`: nobody else asks for the item. Call until there is
    // none.
    //
    // What was promised is looked at again once a second, and soon after a pause, a reload, or the end of bulk reads
    // has changed it. Then each whose turn cannot come in time, even if everything went well from now on, is told.
    struct expelled
    {
        item what = 0;
        asking who;
        refusal why;
        bool gone = true;
    };
    std::optional<expelled> expel(moment now);

    // The item whose turn it is, if there is a place inside and room is near; it is inside then. Each item inside ends
    // there by send() or leave(). Forwarded requests, inside
    // and without an answer, may have `burst` - 1 tokens, but at least one.
    std::optional<item> admit(moment now);

    // The places of forwarded requests upstream. One flow leaves one to the others.
    struct forwarded_places
    {
        std::size_t max = std::numeric_limits<std::size_t>::max();
        std::map<std::string, std::size_t, std::less<>> taken = {};  // by flow, of those that were sent
    };
    void set_forwarded_places(forwarded_places p) { forwarded_places_ = std::move(p); }
    bool is_inside(item i) const { return inside_.contains(i); }
    bool is_inside(item i, std::uint64_t batch_key) const
    {
        return is_inside(i) && inside_.at(i).batch_key == batch_key;
    }
    std::size_t inside() const { return inside_.size(); }
    std::size_t waiting_of(std::uint64_t batch_key) const;  // in the queue and inside

    void leave(item i)  // without being sent
    {
        inside_.erase(i);
        ends_leading(i);
    }

    // A part of a read has had its turn, and while it is made ready no other of its batch key has one: they go along.
    // It is sent now, or has left.
    void ends_leading(item i) { leading_.erase(i); }

    // --- The lease. What to write to the ledger now, or nothing; then call written(), before anything else is written.
    // Once the ledger is not ours, nothing is sent any more: who asks is refused, and who waits is expelled.
    std::optional<ledger_page> to_write(moment now);
    void written(ledger_state, moment now);
    bool is_ours() const { return ledger_ != ledger_state::not_ours; }

    // A ledger that has not answered in time counts as one that cannot be written, until it answers in time again: what
    // is sent is leased from memory. Call at each new time, before may_send(). True if the ledger has just become late.
    bool look_at_ledger(moment now);
    bool is_ledger_late() const { return is_late_; }

    ledger_page close(moment now);  // the last page, for a stop

    // --- Sending, from the inside.
    // How long until a request with so many others before it may be sent (zero: now). Says nothing about the lease.
    duration until_turn(std::size_t others, moment now, request_kind = request_kind::lookup) const;
    // True if nothing can be sent for longer than a connection takes to make: paused, day spent, or ledger lost.
    bool is_held(moment now) const;
    bool may_send(item, moment now) const;

    struct grant
    {
        item what = 0;
        asking who;
        sliding_window::token token = 0;
        std::int64_t minute = 0;
    };
    // REQUIRES: may_send(item, now). Tell of each grant: sent and then answered or lost, or not_sent.
    grant send(item, moment now);
    void not_sent(const grant&);
    sliding_window& window() { return window_; }

    // --- The vendor's word: a 429. `retry_after` may be null. All sending stops.
    void refused(const std::string* retry_after, moment now);
    void accepted() { refused_in_a_row_ = 0; }

    // The operator's word: the pause is over.
    void resume(moment now);
    duration paused_for(moment now) const;

    // --- Reports.
    shed_level shedding(moment now) const;
    budget_report report(moment now) const;

    // When something may change by itself: a place, room, the end of a pause or of a day.
    std::optional<duration> until_change(moment now) const;

private:
    std::optional<std::string> gives_way(moment now) const;
    std::string enter(const asking&, moment now);
    std::string flow_for(const asking&, moment now) const;
    std::uint64_t cap_of(const std::string& tool, moment now) const;
    std::optional<refusal> over_cap(const asking&, std::uint64_t before_it, moment now) const;
    std::optional<refusal> over_reserve(const asking&, moment now) const;
    duration until_admission(moment now) const;
    std::uint64_t inside_of(const std::string& tool) const;
    std::optional<fair_queue::waiting_item> next(urgency, moment now) const;
    std::optional<expelled> leave_queue(const fair_queue::waiting_item&, refusal why);
    std::optional<fair_queue::waiting_item> one_too_many(std::size_t admissible) const;
    std::optional<expelled> expel_who_cannot_wait(moment now);
    void find_who_cannot_wait(moment now);
    refusal too_late(const asking&, duration wait, moment now) const;
    void observe(moment now);
    bool needs_lease(moment now) const;

    budget_settings settings_;
    daily_quota day_;
    tool_names names_;
    tool_shares shares_;
    sliding_window window_;
    fair_queue queue_;
    const std::size_t batch_max_;
    std::map<item, asking> inside_;
    std::map<item, std::uint64_t> leading_;  // their batch keys
    forwarded_places forwarded_places_;
    std::deque<expelled> cannot_wait_;  // found, and not told yet
    steady_time looked_at_{};           // at what was promised
    bool look_soon_ = false;
    steady_time paused_until_{};
    unsigned refused_in_a_row_ = 0;
    bool is_unwritten_ = false;  // something but a lease is to be written
    bool leasing_ = false, is_late_ = false;
    std::optional<steady_time> writing_since_;
    ledger_state ledger_ = ledger_state::durable;
    std::optional<steady_time> write_again_at_;  // a pause whose write failed

    // The forecast costs a walk over the day, and is good for a second.
    mutable std::optional<duration> ends_in_;
    mutable std::optional<steady_time> forecast_at_;
};

}  // namespace callcache
