// How a forwarded request goes through the fetcher. The tool's front owns the upstream connection and moves the
// bytes; the fetcher has the budget, the breaker and the count of connections, and says when.
//
//   front                         fetcher
//   (asks)                        a turn in the queue, a place among the connections
//                      connect ◄─      or straight on, with a connection of this front's that the pool has
//   connects, ready ─►            a durable lease, room in the window
//                         send ◄─      or `wait`: not for a while; then another turn, and `connect` again
//   writes; `begins` at the first byte ─►
//   (the last piece of a long body may have to wait for room in the window too)
//   answered(status) ─►           what the answer means for everybody; of what only read, both are told when the tool
//                                 has the answer, or the beginning of a long one
//                      hand_on ◄─      if the front waits for it; or another turn, after a 429: `connect` again
//   moves the bytes; over ─►      the connection is kept for this front's next request, if it can be
//
// In place of any of the fetcher's words a refusal may come, which is the answer and the end. A connection belongs to
// the front's loop for good; while it is idle, it is handed over as a message and nothing runs on it.
#pragma once

#include "cache/call_answer.hpp"
#include "server/async/mailbox.hpp"
#include "server/http/outcome.hpp"
#include "server/upstream/transport.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// From the front.
struct relay_report
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
    bool waits = false;                                  // answered: until it may be handed on
    std::shared_ptr<const upstream_answer> answer = {};  // brought
    std::unique_ptr<transport> connection = {};          // over: it can carry another request
};

// From the fetcher.
struct relay_order
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
    std::optional<destination> to = {};          // connect
    std::unique_ptr<transport> connection = {};  // send: on this one, which has carried a request before; null: on the
                                                 // front's own
    std::shared_ptr<const reply> refusal = {};   // refused
    outcome word = outcome::error;               // refused
};

struct relay_channel
{
    relay_channel(executor front_loop, executor fetch_loop, bool whole_body, bool safe,
                  std::optional<bulk_kind> calls) :
        home(front_loop),
        orders(front_loop),
        may_finish(front_loop),
        reports(fetch_loop),
        holds_all(whole_body),
        only_reads(safe || calls),
        brings(calls)
    {}

    const executor home;  // the front's

    mailbox<relay_order> orders;    // read by the front
    mailbox<bool> may_finish;       // read by whoever writes the body: the last piece of it may be written
    mailbox<relay_report> reports;  // read by the fetcher
    const bool holds_all;           // its body is held, and it can be sent again; else it takes its time
    const bool only_reads;          // it changes nothing at the vendor, so that doing it twice is no harm
    const std::optional<bulk_kind> brings;
    bool is_over = false;  // the fetcher's: it has heard so from the front

    void abandon()
    {
        orders.abandon();
        may_finish.abandon();
        reports.abandon();
    }
};
using relay_channel_ptr = std::shared_ptr<relay_channel>;

}  // namespace callcache
