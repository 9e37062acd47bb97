#include "server/fetch/read_freshness.hpp"

#include "cache/call_answer.hpp"
#include "cache/freshness.hpp"

namespace callcache
{

duration fresh_for_now(const tiers& kept, const settings& s, const read_terms& terms, std::string_view name,
                       const entry& e)
{
    if (terms.what != call_view::transcript || e.is_negative || e.is_passed) return e.fresh_for;
    const entry_ptr call = kept.find_in_memory(*terms.calls_of, path_of(name));
    const auto known = call && !call->is_negative && !call->is_passed ? read_call_answer(call->body) : std::nullopt;
    duration fresh = transcript_freshness(s.cache, known ? known->started : std::nullopt, known && known->is_private,
                                          e.sent_at, jitter_of(name, e.sent_at));
    return kept.is_guarded(s.cache.erasure_guard, e.sent_at) ? guarded(s.cache.calls, fresh) : fresh;
}

}  // namespace callcache
