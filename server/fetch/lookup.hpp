// A question of a front to the fetcher, and the fetcher's answer.
#pragma once

#include "cache/call_view.hpp"
#include "cache/directives.hpp"
#include "cache/epoch.hpp"
#include "cache/partition.hpp"
#include "cache/verdict.hpp"
#include "server/fetch/forecast.hpp"
#include "server/http/outcome.hpp"
#include "server/upstream/answer.hpp"

#include <memory>
#include <string>

namespace callcache
{

// The word for an answer from what is kept, and the detail that says more than the word.
constexpr outcome word_of(why reason)
{
    return reason == why::stale      ? outcome::stale
           : reason == why::negative ? outcome::negative
           : reason == why::offline  ? outcome::offline
                                     : outcome::hit;
}
constexpr std::string_view detail_of(why reason)
{
    return reason == why::kept_young ? "kept-young" : "";
}

// The same for what serves because the vendor could not be asked. `otherwise`: the word without it.
constexpr outcome word_in_place_of(bool is_fresh)
{
    return is_fresh ? outcome::hit : outcome::stale;
}
constexpr std::string_view detail_in_place_of(outcome otherwise)
{
    return otherwise == outcome::limited ? "limited" : "error";
}

// What the lookups of one POST that reads several calls have in common. Each of them is of one view of one call.
struct read_terms
{
    call_view what = call_view::transcript;
    std::string rest;           // of the body (asked_calls)
    bool is_volatile = false;   // likewise
    partition_ptr calls_of;     // where the credential's calls are kept
    std::uint64_t request = 0;  // names the POST
};

// A lookup that what is kept cannot answer: of a call, or of a kept route, of which `id` is the target; or a request
// that passes through, of which `id` is the method and the path.
struct lookup
{
    std::string id;
    const route_settings* kept_by = nullptr;  // a kept route
    std::shared_ptr<const read_terms> read;   // of a view other than `call`, else null; then `id` is its kept name
    partition_ptr whose;                      // of a kept route or a read one of its own: its trust is no lookup's
    std::string authorization;                // the field's value that goes upstream; forgotten with the flight
    std::string traceparent;                  // of the asker's trace, or empty
    std::string via;                          // of the asker's request: who handed it on before, or empty
    std::string tool;                         // whose turn it takes, and whose share of the day
    urgency how = urgency::interactive;
    // From asked_at on:
    duration patience{};       // it is not begun if its turn would come later
    duration turn_within{};    // once it waits, its turn has to come by then
    duration answer_within{};  // queue, attempts and retries together
    std::string_view bound;    // what says so: a key, or the field
    std::uint64_t asker = 0;   // names the one who waits, for fetcher::left(); 0: nobody does
    directives asked;
    entry_ptr seen;                               // what the front found, or null
    epoch_ticket seen_under = 0;                  // taken before that
    std::optional<duration> seen_fresh_for = {};  // in place of its own, from its sent_at
    why reason = why::not_kept;
    steady_time asked_at{};
};

// How long it may wait and in which class, by what its tool asked for and the settings say of the tool.
inline void set_patience(lookup& l, const settings& s)
{
    auto own = s.budget.tools.find(l.tool);
    tool_settings said = own == s.budget.tools.end() ? tool_settings() : own->second;
    l.how = l.asked.background ? urgency::background : said.how.value_or(urgency::interactive);
    l.patience = l.asked.wait.value_or(duration(said.wait_max.value_or(s.budget.wait_max)));
    // A wait of its own is for the queue; the vendor's time to answer comes on top of it.
    bool waits_its_own = l.asked.wait || said.wait_max;
    l.answer_within =
        waits_its_own ? l.patience + duration(s.upstream.response_timeout) : duration(s.server.answer_max);
    l.turn_within = waits_its_own ? l.patience : l.answer_within;
    l.bound = l.asked.wait ? "Prefer: wait" : said.wait_max ? "budget.tools" : "server.answer_max";
}

// The same for nobody: a refresh.
inline lookup in_background(lookup l)
{
    l.how = urgency::background;
    return l;
}

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
    std::string request_id;   // of a read's answer: the vendor's, as it stands there
};

// The times of an entry, without its bytes, as the lookup goes by them: the front knew better of what it saw.
inline entry times_of(const lookup& l, const entry& e)
{
    entry times;
    times.sent_at = e.sent_at;
    times.fresh_for = l.seen.get() == &e && l.seen_fresh_for ? *l.seen_fresh_for : e.fresh_for;
    times.missing_since = e.missing_since;
    times.is_negative = e.is_negative;
    times.is_private = e.is_private;
    times.is_passed = e.is_passed;
    return times;
}

// An answer from what is kept.
inline looked_up from_cache(entry_ptr kept, why reason)
{
    looked_up found;
    found.word = word_of(reason);
    found.detail = detail_of(reason);
    found.kept = std::move(kept);
    return found;
}

}  // namespace callcache
