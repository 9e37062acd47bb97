// A question of a front to the brain, and the brain's answer.
#pragma once

#include "cache/directives.hpp"
#include "cache/partition.hpp"
#include "cache/verdict.hpp"
#include "server/http/outcome.hpp"
#include "server/upstream/answer.hpp"

#include <memory>
#include <string>

namespace callcache
{

// The word for an answer from what is kept, and the detail that says more than the word.
constexpr outcome word_of(why because)
{
    return because == why::stale ? outcome::stale : because == why::negative ? outcome::negative : outcome::hit;
}
constexpr std::string_view detail_of(why because)
{
    return because == why::kept_young ? "kept-young" : "";
}

// A lookup that what is kept cannot answer: of a call, or of a kept route, of which `id` is the target; or a request
// that passes through, of which `id` is the method and the path.
struct lookup
{
    std::string id;
    const route_settings* kept_by = nullptr;  // a kept route
    partition_ptr whose;                      // of a kept route one of its own: its trust is no lookup's
    std::string authorization;                // the field's value that goes upstream; forgotten with the flight
    std::string traceparent;                  // of the asker's trace, or empty
    std::string tool;                         // whose turn it takes, and whose share of the day
    urgency how = urgency::interactive;
    duration patience{};       // how long it may wait for its turn
    duration answer_within{};  // queue, attempts and retries together
    std::string_view bound;    // what says so: a key, or the field
    std::uint64_t asker = 0;   // names the one who waits, for brain::left(); 0: nobody does
    directives asked;
    entry_ptr seen;  // what the front found, or null
    why because = why::not_kept;
    steady_time asked_at{};
};

// One of `kept`, `vendors` and `own` is the answer, in this order; with a miss, `vendors` has the fields for `kept`.
struct looked_up
{
    outcome word = outcome::error;
    entry_ptr kept;
    std::shared_ptr<const upstream_answer> vendors;
    std::shared_ptr<const reply> own;
    bool stored = false;
    bool passes = false;      // there is no answer for this asker: the request is to pass through
    std::string_view detail;  // in place of the outcome's word
};

// An answer from what is kept.
inline looked_up from_cache(entry_ptr kept, why because)
{
    looked_up found;
    found.word = word_of(because);
    found.detail = detail_of(because);
    found.kept = std::move(kept);
    return found;
}

}  // namespace callcache
