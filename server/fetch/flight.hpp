// A flight of the fetcher, and the words in which fetcher.cpp, which takes the questions, send.cpp, which sends a
// flight out, and settle.cpp, which brings it home, speak.
#pragma once

#include "cache/call_id.hpp"
#include "cache/invalidation.hpp"
#include "server/async/mailbox.hpp"
#include "server/fetch/fetcher.hpp"

#include <algorithm>
#include <list>

namespace callcache
{

struct fetcher::waiter
{
    lookup asked;
    answered done;
    bool joined = false;
    bool left = false;  // the tool hung up; it may still read
    std::unique_ptr<alarm> late;
};

// What came of a call that another lookup's bulk read took along.
struct fetcher::share
{
    enum class what
    {
        answered,
        alone,  // it needs a GET of its own
        again,  // nothing came of it: back to the head of the queue
    };
    what next;
    upstream_result result = {};  // answered
};

// The lookups that one takes along. Whatever happens to it, each of them hears of it.
struct fetcher::batch
{
    batch(bulk_reads& desk, partition& whose);
    ~batch();
    batch(const batch&) = delete;
    batch& operator=(const batch&) = delete;

    // What came of it, once.
    void end(bulk_end, duration took, std::size_t found, wall_time now);

    std::vector<flight_ptr> others;
    std::size_t asked = 0;

private:
    bulk_reads& desk_;
    partition& whose_;
    bool is_over_ = false;
};

struct fetcher::flight : std::enable_shared_from_this<flight>
{
    budget::item number = 0;
    lookup first;            // of the client that began it
    refused_use refused_as;  // refusable(first)
    std::list<waiter> waiters;
    relay_ptr relay;             // a request that passes through; else it is a lookup
    bool background = false;     // begun for nobody in particular
    bool renews = false;         // of a fresh entry, for the sake of its credential's trust
    bool queued = false;         // waits for its turn
    bool sent = false;           // is on its way
    bool lingers = false;        // everyone has left
    std::unique_ptr<alarm> end;  // of that
    steady_time turn_at{};       // when it last had its turn
    epoch_ticket ticket;         // taken when it was sent
    wall_time sent_at{};
    steady_time sent_steady{};
    steady_time ended{};
    std::optional<mailbox<share>> rider;  // while it is part of another's bulk read
    bool alone = false;                   // it goes by its own GET
    bool in_bulk = false;                 // what it brings was in a bulk read
    std::string compared;                 // with what it brings: the call as a bulk read had it
    invalidation changes;                 // what it makes untrue, if it is a relay
    bool is_whole = false;                // all of the request may have reached the vendor
    bool erasure_noted = false;           // durably, and not ended
    wall_time erasure_began{};
    std::optional<refusal> limited;  // the budget's last word
    bool refused = false;            // its credential was, while it waited
    bool forgotten = false;          // it lingered, and nobody came back

    flight_key key() const { return {first.whose.get(), first.id}; }
    bool is_wanted() const
    {
        return background || std::any_of(waiters.begin(), waiters.end(), [](const waiter& w) { return !w.left; });
    }
};

// A flight on its way out, of a lookup or a relay.
class fetcher::outgoing_flight : public outgoing_request
{
public:
    outgoing_flight(fetcher& home, flight& f) : outgoing_request(f.number), home_(home), f_(f) {}

    std::vector<asking> begin_wait() final;
    void end_wait() final;
    upstream_failure limited(refusal) final;
    std::optional<upstream_failure> objection() final;

protected:
    // It is sent now: for the flight, the retry budget and the counts.
    void note_sending();

    fetcher& home_;
    flight& f_;
};

// What is lost, too slow, 502, 503 or 504 is an outage of the vendor, and so is every other 5xx to a call's lookup. One
// endpoint that answers 500 says nothing about the others; nor does nonsense.
inline bool is_outage(const upstream_result& r, bool of_call)
{
    if (auto* failure = std::get_if<upstream_failure>(&r))
        return is_asked(failure->what) && failure->what != upstream_failure::kind::nonsense &&
               failure->what != upstream_failure::kind::too_large;
    unsigned status = std::get<upstream_answer>(r).status;
    return of_call ? status >= 500 : status >= 502 && status <= 504;
}

// What of it a 401 refuses.
inline refused_use refusable(const lookup& l)
{
    return {l.whose->name(), is_call_id(l.id) ? std::string() : l.id};
}

inline looked_up own(reply r, outcome word, std::string_view detail = {})
{
    looked_up l;
    l.word = word;
    l.own = std::make_shared<const reply>(std::move(r));
    l.detail = detail;
    return l;
}

inline reply with_retry_after(reply r, std::int64_t seconds)
{
    r.fields.emplace_back("Retry-After", std::to_string(seconds));
    return r;
}

// What a tool is told in place of an answer. fetcher.cpp
looked_up limited(const fetcher_parts&, const refusal&);
reply is_down(const fetcher_parts&, const breaker&, std::string_view why);

// Nothing if the credential may be asked for.
std::optional<reply> just_refused(const refused_credentials&, const lookup&, steady_time now);

}  // namespace callcache
