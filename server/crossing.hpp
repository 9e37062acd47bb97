// How a request that passes through gets past the brain. The tool's front owns the upstream connection and moves the
// bytes; the brain has the budget, the breaker and the count of connections, and says when.
//
//   front                         brain
//   (asks)                        a turn in the queue, a place among the connections
//                      connect ◄─
//   connects, ready ─►            a durable lease, room in the window
//                         send ◄─      or `wait`: not for a while; then another turn, and `connect` again
//   writes; `begins` at the first byte ─►
//   (the last piece of a long body waits for room in the window too)
//   answered(status) ─►           what the answer means for everybody
//                      hand_on ◄─      or another turn, after a 429: `connect` again
//   moves the bytes; over ─►
//
// In place of any of the brain's words a refusal may come, which is the answer and the end.
#pragma once

#include "cache/call_answer.hpp"
#include "server/http/outcome.hpp"
#include "server/mailbox.hpp"
#include "server/upstream/transport.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// From the front.
struct crossing_report
{
    enum class what
    {
        ready,         // a connection is
        failed,        // none is, or it ended before an answer; or after it
        acknowledged,  // the head has arrived at the other end's TCP
        last_piece,    // of a long body is next: the vendor may count the request now, and not before
        begins,        // the answer's first byte has come
        answered,      // its head has
        brought,       // it has been handed on, and calls that may be kept stood in it
        over,          // the front is done, or gone
    };
    what happened;
    upstream_failure failure{};                          // failed
    std::chrono::microseconds round_trip{};              // begins
    unsigned status = 0;                                 // answered
    std::optional<std::string> retry_after;              // answered
    std::optional<std::string> remaining;                // answered: x-ratelimit-remaining
    std::vector<std::string> locations = {};             // answered: Location and Content-Location
    bool is_repeatable = false;                          // answered: the request can be sent again
    std::shared_ptr<const upstream_answer> answer = {};  // brought
};

// From the brain.
struct crossing_order
{
    enum class what
    {
        connect,
        send,
        wait,
        hand_on,  // the answer is the tool's
        refused,
    };
    what next;
    std::optional<destination> to = {};         // connect
    std::shared_ptr<const reply> refusal = {};  // refused
    outcome word = outcome::error;              // refused
};

struct crossing
{
    crossing(executor front_loop, executor brain_loop, bool long_body, std::optional<bulk_kind> calls) :
        orders(front_loop),
        may_finish(front_loop),
        reports(brain_loop),
        is_long(long_body),
        brings(calls)
    {}

    mailbox<crossing_order> orders;    // read by the front
    mailbox<bool> may_finish;          // read by whoever writes the body: the last piece of it may be written
    mailbox<crossing_report> reports;  // read by the brain
    const bool is_long;                // its body is not held, and takes its time
    const std::optional<bulk_kind> brings;

    void abandon()
    {
        orders.abandon();
        may_finish.abandon();
        reports.abandon();
    }
};
using crossing_ptr = std::shared_ptr<crossing>;

}  // namespace callcache
