// The way of a request to the vendor: the order of its steps, once for lookups, batches, relays and `check --live`.
//
//   its turn in the queue → was its credential refused meanwhile? → the breaker → a connection that is ready →
//   a durable lease and room in the window → the breaker → the write → the answer, or a failure
//
// Nothing is spent before the write. What may have changed while the request waited is asked again after each wait.
#pragma once

#include "server/budget/gate.hpp"
#include "server/fetch/breaker.hpp"
#include "server/upstream/exchange.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace callcache
{

// Why there is no answer: what went wrong, or the budget's word.
using unsent = std::variant<upstream_failure, refusal>;

// A request on its way, and its connection. Each kind of request connects, writes and reads in its own way. Called on
// the fetch loop, in the order of the steps; `number` names it in the queue.
class outgoing_request
{
public:
    explicit outgoing_request(budget::item n) : number(n) {}
    virtual ~outgoing_request() = default;
    outgoing_request(const outgoing_request&) = delete;
    outgoing_request& operator=(const outgoing_request&) = delete;

    const budget::item number;

    // Called when it begins to wait for its turn: returns the tools that ask for it. end_wait(): when the wait ends.
    virtual std::vector<asking> begin_wait() = 0;
    virtual void end_wait() {}

    // What is asked for, by the breaker's word for it.
    virtual std::string_view subject() const { return {}; }

    // A reason of its own not to send it, asked once it has its turn, and again right before it is sent.
    virtual std::optional<unsent> objection() const { return std::nullopt; }

    // Makes a connection ready; if `fresh`, one that has carried no request before, in place of the one that it has.
    virtual task<std::optional<upstream_failure>> connect(bool fresh) = 0;
    virtual bool is_connected() = 0;  // it still stands, after the wait for room

    // There is no room for a while: gives the connection back and returns nullopt, or returns why it cannot wait.
    virtual std::optional<unsent> put_aside() = 0;

    virtual bool is_taken_along() const { return false; }  // by another request, while it waited
    virtual bool is_wanted() const { return true; }

    // It is sent now: whatever is to be done right before, without waiting. Returns what is sent.
    virtual request_kind prepare() { return request_kind::lookup; }

    // Writes it and follows its answer to the end. The permit knows that it is sent.
    virtual task<void> exchange(gate::permit&) = 0;
};

// Fetch loop only. What it refers to outlives it.
class way_out
{
public:
    way_out(gate& permits, breaker& outage, const clock_source& clock) :
        permits_(permits),
        outage_(outage),
        clock_(clock)
    {}

    struct turn
    {
        bool again = false;  // it had its turn before, and has its place in the queue again
        bool fresh = false;  // on a connection that has carried no request before
    };

    // nullopt once exchange() has ended, or another request has taken it along; otherwise why it was not sent.
    task<std::optional<unsent>> send(outgoing_request&, turn) const;

private:
    task<std::optional<unsent>> wait_for_turn(outgoing_request&, bool again) const;
    task<std::variant<bool, upstream_failure>> make_ready(outgoing_request&, gate::permit&, bool fresh) const;
    std::optional<unsent> stopped(const outgoing_request&) const;  // why it is not to be sent now

    gate& permits_;
    breaker& outage_;
    const clock_source& clock_;
};

struct exchange_bounds
{
    milliseconds timeout;  // upstream.response_timeout
    std::size_t body_max;
    bool was_used = false;  // the connection, before: it may have died while it was idle (acknowledgement_watch)
};

// Sends a whole message and reads the whole answer, as exchange() does, within the bounds; the permit hears when TCP
// has acknowledged the message, and when the answer begins.
task<exchanged> exchange_within(exchange_bounds, transport&, const std::string& request, gate::permit&,
                                const clock_source&);

}  // namespace callcache
