// Sends a lookup's flight, by a single GET or a bulk read, and tries it again, until there is an answer to settle with.
// The order of the steps is in way_out.hpp. Fetch loop only.
#pragma once

#include "server/fetch/miss_path.hpp"

namespace callcache
{

// A flight on its way out, of a lookup or a relay.
class outgoing_flight : public outgoing_request
{
public:
    outgoing_flight(miss_path& path, flight& f) : outgoing_request(f.number), path_(path), f_(f) {}

    void end_wait() final;
    std::string_view subject() const final { return f_.first.id; }
    std::optional<unsent> objection() const final;

    // The vendor has refused its credential.
    void on_401() { stake_.spend(path_.now().steady); }

protected:
    // It waits for its turn, and these ask for it.
    std::vector<asking> wait_in_queue(std::uint64_t batch_key, bool is_forwarded);

    // It is sent now: for the flight, the retry budget and the counts.
    void note_sending();

    miss_path& path_;

private:
    flight& f_;
    newcomers::stake stake_;
};

// Begins a flight, which goes on by itself. `done` is told of its end; null: nobody is.
lookup_flight_ptr begin_lookup(miss_path&, lookup, lookup_flight::purpose, answered done = nullptr);

// Another one waits for it. The flight goes on after their time; what it brings is kept.
void join(miss_path&, flight&, lookup, answered done);
void limit_time(miss_path&, waiter&);

// The budget says no to one who asks; the flight may still wait for others.
void on_refused(miss_path&, fair_queue::item, const asking&, refusal);

// Somebody waits for it whose tool may still spend; the others ride along.
bool is_paid_for(const miss_path&, const flight&);

// Where nobody pays for it any more it keeps its place in the queue for budget.linger, so that a tool which gave up
// and asks again finds it; then it leaves, and its turn goes to the next.
void keep_or_linger(miss_path&, flight&);

// Why the credential may not be sent, if the vendor has never accepted it and what such may cost is spent.
std::optional<refusal> refuses_newcomer(const miss_path&, const lookup&);

asking asking_of(const miss_path&, const lookup&, std::uint64_t batch_key = 0, bool is_forwarded = false);

}  // namespace callcache
