#include "server/fetch/not_answered.hpp"

#include "cache/freshness.hpp"
#include "server/fetch/miss_path.hpp"
#include "server/fetch/refusal_reply.hpp"

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

reply with_retry_after(reply r, std::int64_t seconds)
{
    r.fields.emplace_back("Retry-After", std::to_string(seconds));
    return r;
}

}  // namespace

looked_up own(reply r, outcome word, std::string_view detail)
{
    looked_up l;
    l.word = word;
    l.own = std::make_shared<const reply>(std::move(r));
    l.detail = detail;
    return l;
}

looked_up not_answered(const miss_path& path, const refusal& no)
{
    return own(refusal_reply(no, path.config().budget, path.now().wall), outcome_of(no));
}

looked_up not_answered(const miss_path& path, const upstream_failure& failure, const lookup& l)
{
    const steady_time now = path.now().steady;
    const std::int64_t probe = seconds_up(path.outage.until_probe(l.id, now));
    const std::string gong = "Gong (" + path.parts.upstream.text() + ")";
    switch (failure.what)
    {
    case failure_kind::tool_gone:
        return own(with_retry_after(own_answer(503, "the tool's end of the connection was gone"), 1), outcome::error);
    case failure_kind::stopping:
        return own(with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1),
                   outcome::error);
    case failure_kind::refused:
    {
        std::int64_t soon = seconds_up(path.refused.wait(refused_use_of(l), now).value_or(duration(0)));
        return own(with_retry_after(unauthorized("Gong has just refused this credential (401); it is asked again in " +
                                                 std::to_string(soon) + " s"),
                                    soon),
                   outcome::error);
    }
    case failure_kind::down:
    {
        const char* why = path.outage.is_down() ? " is down: several requests in a row have failed"
                                                : " has failed to answer this several times in a row";
        return own(with_retry_after(own_answer(502, gong + why + "; it is asked again in " + std::to_string(probe) +
                                                        " s, and kept calls are still answered"),
                                    probe),
                   outcome::error);
    }
    default: break;
    }
    bool in_time = failure.what != failure_kind::slow && failure.what != failure_kind::crowded;
    const char* what = is_asked(failure.what) ? " gave no usable answer: " : " could not be asked: ";
    reply r = own_answer(in_time ? 502 : 504, gong + what + failure.text);
    return own(probe > 0 ? with_retry_after(std::move(r), probe) : std::move(r), outcome::error);
}

looked_up fallback(const miss_path& path, const lookup& l, looked_up otherwise)
{
    entry_ptr e = path.parts.kept.find_in_memory(*l.whose, l.id);
    bool seen_newer = l.seen && (!e || l.seen->sent_at > e->sent_at);
    if (seen_newer && path.parts.kept.still_holds(l.id, l.seen_under)) e = l.seen;
    const wall_time now = path.now().wall;
    if (!e) return otherwise;
    const entry times = times_of(l, *e);
    if (!serves_on_error(&times, path.trust_of(*l.whose), path.config(), now)) return otherwise;
    looked_up stale;
    stale.word = word_in_place_of(is_fresh(times, now));
    stale.detail = detail_in_place_of(otherwise.word);
    stale.kept = std::move(e);
    return stale;
}

}  // namespace callcache
