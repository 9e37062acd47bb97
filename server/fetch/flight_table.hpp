// Single flight: one flight for each call of a credential, however many ask; who may join which, and who waits where.
#pragma once

#include "server/fetch/flight.hpp"

#include <map>
#include <vector>

namespace callcache
{

// Fetch loop only. A flight is here from its beginning to its end.
class flight_table
{
public:
    // `still_holds`: the id was not purged since the ticket.
    explicit flight_table(std::function<bool(const std::string& id, epoch_ticket)> still_holds) :
        still_holds_(std::move(still_holds))
    {}

    fair_queue::item next_number() { return ++last_number_; }

    // One that may be joined takes the place of one that nobody may join any more.
    void add(const lookup_flight_ptr&);
    void add(const std::shared_ptr<relay_flight>&);

    // The flight that a question which comes now may join, or null. Its answer must not be older than the question:
    // after a purge, a write or an erasure has been answered, nobody joins a flight that was sent before it.
    //   A: begins a flight, and it is sent   B: PUT, answered: the call is purged   C: asks: begins a flight of its own
    lookup_flight_ptr joinable(const partition*, const std::string& id) const;

    // Whether one is here under this key, to be joined or not.
    bool contains(const partition* whose, const std::string& id) const { return by_key_.contains({whose, id}); }

    // Another one waits for it. Good until it leaves or the flight ends.
    waiter& join(flight&, waiter);

    // Who waits under this name, and for what; nullptr if nobody does.
    struct seat
    {
        flight* in;
        std::list<waiter>::iterator at;
    };
    const seat* seat_of(std::uint64_t asker) const;
    waiter leave(const seat&);

    // Its end is decided, though it has yet to hear of it: nobody joins it, and who asks now begins another.
    void shut(const flight&);

    // It has ended. Returns all who waited.
    std::list<waiter> end(flight&);

    flight* at(fair_queue::item) const;
    std::vector<flight_ptr> all() const;
    std::size_t size() const { return by_number_.size(); }
    std::size_t waiting(const std::string& id) const;

    // The partition of any flight for this id, for an asker whose own is not known.
    const partition* whose(const std::string& id) const;

private:
    using key = std::pair<const partition*, std::string>;
    std::function<bool(const std::string&, epoch_ticket)> still_holds_;
    std::map<key, lookup_flight_ptr> by_key_;
    std::map<fair_queue::item, flight*> by_number_;
    std::map<std::uint64_t, seat> seats_;
    fair_queue::item last_number_ = 0;
};

}  // namespace callcache
