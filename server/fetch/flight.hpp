// A flight: what is on its way to the vendor, or waits for its turn, and everyone who waits for it.
#pragma once

#include "cache/call_id.hpp"
#include "cache/invalidation.hpp"
#include "server/async/mailbox.hpp"
#include "server/budget/fair_queue.hpp"
#include "server/fetch/lookup.hpp"
#include "server/fetch/refused_credentials.hpp"
#include "server/fetch/relay_channel.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <variant>

namespace callcache
{

using answered = std::function<void(looked_up)>;

// The use of its credential that a 401 refuses.
inline refused_use refused_use_of(const lookup& l)
{
    return {l.whose->name(), is_call_id(l.id) || l.read ? std::string() : l.id};
}

struct waiter
{
    lookup asked;
    answered done;
    bool joined = false;  // the flight was begun by somebody else
    bool left = false;    // the tool hung up; it may still read
    std::unique_ptr<alarm> late = {};
};

// What a read's answer says of one of its calls.
struct read_element
{
    bool is_absent = false;    // nothing
    bool is_follower = false;  // another flight led the request, and says what is said once
    bool is_alone = false;     // nothing else was asked for
    std::string request_id;    // of the answer, as it stands there
    std::optional<wall_time> started;
    bool is_private = false;
    bool has_sentences = false;  // of a transcript
};

// What came of a call that another lookup's bulk read took along.
struct share
{
    enum class what
    {
        answered,
        alone,   // it needs a GET of its own
        again,   // nothing came of it: back to the queue
        passes,  // of a read: the answer is in doubt, and each request that asks for the call is to be sent as it came
    };
    what next;
    upstream_result result = {};  // answered
    read_element brought = {};    // answered, of a read
};

// Reads that may go together: of one credential, one operation and one variant, and after a refusal of the same tools.
// Its address names it.
struct read_group
{
};

// Where a flight is. What has ended is in no table any more.
struct queued
{
    std::unique_ptr<alarm> lingering = {};  // nobody waits for it; until this rings it keeps its place
};
struct idle  // neither waits for its turn nor is sent: a connection is made ready, or a retry waits
{
};
struct riding  // another one's bulk read has taken it along
{
    mailbox<share> hears;
};
struct sent
{
};
using flight_state = std::variant<idle, queued, riding, sent>;

// One sending, by which everything is dated that is learned from its answer.
struct attempt
{
    steady_time turn_at{};  // when it had its turn
    epoch_ticket ticket{};  // taken when it was sent
    wall_time sent_at{};
    steady_time sent_steady{}, ended{};
};

struct flight : std::enable_shared_from_this<flight>
{
    flight(fair_queue::item n, lookup l) : number(n), first(std::move(l)), refused_as(refused_use_of(first)) {}
    virtual ~flight() = default;

    const fair_queue::item number;
    const lookup first;  // of the one who began it
    const refused_use refused_as;
    std::list<waiter> waiters;
    flight_state state;
    attempt last;

    template<class State>
    bool is() const
    {
        return std::holds_alternative<State>(state);
    }
    virtual bool is_wanted() const
    {
        return std::any_of(waiters.begin(), waiters.end(), [](const waiter& w) { return !w.left; });
    }
};
using flight_ptr = std::shared_ptr<flight>;

// Of a call, or of a kept route.
struct lookup_flight final : flight
{
    enum class purpose
    {
        asked,
        refresh,
        renewal,  // of a fresh entry, for the sake of its credential's trust
        check,    // of a bulk read's answer
    };
    lookup_flight(fair_queue::item n, lookup l, purpose p) :
        flight(n, std::move(l)),
        why(p),
        alone(p == purpose::renewal || p == purpose::check)
    {}

    const purpose why;
    bool alone;            // it goes by its own GET
    bool in_bulk = false;  // its answer was in a bulk read
    // The calls of a bulk read that it leads, at most: fewer after a spoiled one that it was in.
    std::size_t batch_max = std::numeric_limits<std::size_t>::max();
    std::string expected;  // check: the call as the bulk read had it

    // Of a read.
    std::shared_ptr<const read_group> group;
    read_element brought;
    unsigned times_lost = 0;
    bool passes = false;

    bool is_wanted() const override { return why != purpose::asked || flight::is_wanted(); }
};
using lookup_flight_ptr = std::shared_ptr<lookup_flight>;

// Of a forwarded request.
struct relay_flight final : flight
{
    relay_flight(fair_queue::item n, lookup l, invalidation c, relay_channel_ptr r) :
        flight(n, std::move(l)),
        channel(std::move(r)),
        changes(std::move(c))
    {}

    const relay_channel_ptr channel;
    invalidation changes;        // what it makes untrue
    bool is_whole = false;       // all of it may have reached the vendor
    bool erasure_noted = false;  // durably, and not ended
    wall_time erasure_began{};
};

}  // namespace callcache
