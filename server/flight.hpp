// A flight of the brain, and the words in which brain.cpp, which sends it out, and landing.cpp, which brings it home,
// speak.
#pragma once

#include "server/brain.hpp"

#include <algorithm>
#include <list>

namespace callcache
{

struct brain::waiter
{
    lookup asked;
    answered done;
    bool joined = false;
    std::unique_ptr<alarm> late;
};

struct brain::flight
{
    lookup first;  // of the client that began it
    std::list<waiter> waiters;
    bool background = false;  // begun for nobody in particular
    bool renews = false;      // of a fresh entry, for the sake of its credential's trust
    bool sent = false;
    steady_time left_at{};  // when the last waiter gave up
    epoch_ticket ticket;    // taken when it was sent
    wall_time sent_at{};
    steady_time sent_steady{};
    steady_time ended{};

    flight_key key() const { return {first.whose.get(), first.id}; }
};

inline std::int64_t seconds_up(steady_time::duration d)
{
    return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(d).count());
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

}  // namespace callcache
