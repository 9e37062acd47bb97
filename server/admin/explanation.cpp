#include "server/admin/explanation.hpp"

#include "cache/call_view.hpp"
#include "cache/freshness.hpp"
#include "server/fetch/refusal_reply.hpp"
#include "server/text/human.hpp"
#include "server/text/json_text.hpp"

namespace callcache
{
namespace
{

using what = obstacle::what;

std::string at(wall_time t, wall_time now)
{
    std::int64_t away = whole_seconds(t > now ? t - now : now - t);
    return clock_text(t, now) + (t > now ? " (in " + span_text(away) + ")" : " (" + span_text(away) + " ago)");
}

std::string_view word_of(source s)
{
    switch (s)
    {
    case source::lookup: return "lookup";
    case source::bulk: return "bulk";
    case source::list: return "list";
    }
    return "";
}

std::string_view words_of(source s)
{
    switch (s)
    {
    case source::lookup: return "its own lookup";
    case source::bulk: return "a bulk read";
    case source::list: return "a tool's list";
    }
    return "";
}

bool reads(trust t)
{
    return t == trust::good || t == trust::renew;
}

// What an entry is now, in a word.
std::string_view state_of(const entry& e, trust trusted, const settings& s, wall_time now)
{
    if (now >= kept_until(s.cache.calls, e)) return "expired";
    if (!reads(trusted)) return "untrusted";
    if (e.is_passed) return e.fresh_for == duration(0) ? "forbidden" : "passed";
    if (is_fresh(e, now)) return e.is_negative ? "negative" : "fresh";
    return now < stale_while_revalidate_until(s.cache.calls, e) ? "stale" : "expired";
}

// Why it is in that state, and until when. `view`: another one than the call itself, or empty.
std::string text_of(const known_copy& c, trust trusted, const settings& s, wall_time now, std::string_view view = {})
{
    const entry& e = *c.kept;
    const calls_settings& calls = s.cache.calls;
    std::string text(view);
    text += (view.empty() ? "" : " under ") + c.credential + ": kept since " + at(e.sent_at, now) + " from " +
            std::string(words_of(e.from));
    if (e.is_private) text += ", private and so for this credential alone";
    text += ". ";
    if (!c.confirmed_at) return text + "Gong has refused this credential since, or never accepted it: nothing is read";
    if (!reads(trusted))
        return text + "Gong last accepted this credential at " + at(*c.confirmed_at, now) +
               ", too long ago to trust it (credentials.trust): it is asked first";
    if (e.is_passed && e.fresh_for == duration(0))
        return text + "Gong answered 403: nothing is read under this credential";
    if (e.is_passed)
        return text + "Gong's answer may not be kept: requests pass through until " + at(e.fresh_until(), now);
    if (e.is_negative && !view.empty())
        return text + "Gong left it out of its answer; that holds until " + at(e.fresh_until(), now);
    if (e.is_negative)
        return text + "Gong answered 404, first at " + at(e.missing_since, now) + "; that holds until " +
               at(e.fresh_until(), now);
    text += (is_fresh(e, now) ? "Fresh until " : "It was fresh until ") + at(e.fresh_until(), now);
    if (s.mode == run_mode::offline)
        return text + "; offline it is served until it is deleted at " + at(kept_until(calls, e), now);
    text += "; served while it is refreshed until " + at(stale_while_revalidate_until(calls, e), now) +
            ", and while Gong cannot be asked until " + at(stale_if_error_until(calls, e), now);
    if (trusted == trust::renew)
        text += ". Gong last accepted this credential at " + at(*c.confirmed_at, now) +
                ": the next hit lets it confirm that in the background";
    return text + "; deleted at " + at(kept_until(calls, e), now);
}

// What stands in a lookup's way, or how long it waits.
std::string way_text(const forecast& o, const settings& s, wall_time now)
{
    switch (o.before_it.is)
    {
    case what::offline: return "callcache runs offline (mode): nothing goes upstream";
    case what::stopping: return "callcache is stopping: nothing is sent any more";
    case what::refused:
        return "Gong has just refused this credential (401); it is asked again in " +
               span_text(seconds_up(o.before_it.wait));
    case what::failing:
        return "Gong has just answered " + std::to_string(o.before_it.status) + " to it; it is asked again in " +
               span_text(seconds_up(o.before_it.wait));
    case what::down:
        return std::string(o.is_up ? "Gong has failed to answer it several times in a row"
                                   : "Gong is down: several requests in a row have failed") +
               "; it is asked again in " + span_text(seconds_up(o.before_it.wait));
    case what::limited: return words_of(*o.before_it.no, s.budget, now);
    case what::none: break;
    }
    if (o.is_under_way) return "somebody has asked for it already, and is answered with the same answer";
    if (o.wait == duration(0)) return "a fetch would be sent at once";
    return "a fetch would wait about " + span_text(seconds_up(o.wait)) + " for its turn";
}

std::string next_text(const next_answer& n, const forecast& o)
{
    switch (n.word)
    {
    case outcome::hit: return "a hit, from what is kept";
    case outcome::negative:
        return "a " + std::to_string(o.before_it.is == what::failing ? o.before_it.status : 404) +
               " from what is kept (negative)";
    case outcome::stale:
        if (!n.detail.empty()) return "stale, from what is kept, as Gong cannot be asked now";
        return o.refreshes
                   ? "stale, from what is kept, and refreshes it in the background"
                   : "stale, from what is kept; it is not refreshed while Gong cannot be asked or the budget is short";
    case outcome::offline: return "offline: from what is kept, though it is no longer fresh";
    case outcome::miss: return "a miss: it is fetched";
    case outcome::collapsed: return "collapsed: it is being fetched already";
    case outcome::pass: return "pass: it is handed on, and not kept";
    case outcome::limited: return "limited: 429";
    default: return "an error";
    }
}

}  // namespace

std::string opaque_name(const partition& p)
{
    return "#" + hex(p.name(), 3);
}

next_answer foretell(const entry* kept, trust trusted, const forecast& o, const settings& s, wall_time now)
{
    decision r = decide(kept, trusted, {}, s, now, o.stretched);
    if (r.verdict == verdict::serve || r.verdict == verdict::serve_refresh)
        return {word_of(r.reason), detail_of(r.reason), {}};
    if (r.verdict == verdict::refuse) return {outcome::error, s.mode == run_mode::offline ? "offline" : "", {}};
    const obstacle& before_it = o.before_it;
    if (before_it.is == what::none && r.verdict == verdict::pass) return {outcome::pass, "", o.wait};
    if (before_it.is == what::none && o.is_under_way) return {outcome::collapsed, "", {}};
    if (before_it.is == what::none) return {outcome::miss, "", o.wait};
    outcome otherwise = before_it.is == what::limited   ? outcome_of(*before_it.no)
                        : before_it.is == what::failing ? outcome::negative
                                                        : outcome::error;
    duration wait = before_it.no ? before_it.no->wait : before_it.wait;
    bool is_final = before_it.is == what::refused || (before_it.is == what::failing && before_it.status < 500);
    bool may_serve = !is_final && r.verdict != verdict::pass;
    if (may_serve && serves_on_error(kept, trusted, s, now))
        return {word_in_place_of(is_fresh(*kept, now)), detail_in_place_of(otherwise), {}};
    return {otherwise, "", wait};
}

std::string explanation_document(const circumstances& c, const settings& s, wall_time now)
{
    auto trust_of = [&](std::optional<wall_time> confirmed_at) { return trust_at(confirmed_at, now, s); };
    const forecast& ahead = c.copies.empty() ? c.ahead : c.copies.front().ahead;
    next_answer next = c.copies.empty() ? foretell(nullptr, trust_of(c.stranger_confirmed_at), ahead, s, now)
                                        : foretell(c.copies.front().kept.get(), trust_of(c.copies.front().confirmed_at),
                                                   ahead, s, now);
    const std::string& whose = c.copies.empty() ? c.stranger : c.copies.front().credential;
    std::vector<std::string> lines;
    std::string summary = "the next request" + (whose.empty() ? "" : " under " + whose) +
                          (c.tool.empty() ? "" : " of " + c.tool) + " is " + next_text(next, ahead);
    bool asks = next.word != outcome::hit && next.word != outcome::negative && next.word != outcome::offline;
    if (asks && (next.word != outcome::stale || !next.detail.empty())) summary += "; " + way_text(ahead, s, now);
    lines.push_back(summary);

    for (const known_copy& copy : c.copies) lines.push_back(text_of(copy, trust_of(copy.confirmed_at), s, now));
    if (c.copies.empty()) lines.push_back("nothing is kept of it");
    for (const known_view& v : c.views)
        lines.push_back(text_of(v.copy, trust_of(v.copy.confirmed_at), s, now, word_of(*view_of(v.name))));
    if (is_guarded(c.erasure, s.cache.erasure_guard, now))
        lines.push_back("an erasure passed through at " +
                        at(std::max(c.erasure.erased_at, c.erasure.erasing_since), now) +
                        ": everything was dropped, and until cache.erasure_guard is over nothing is fresh for longer "
                        "than cache.calls.fresh_min");
    if (!asks) lines.push_back("if it had to be fetched: " + way_text(ahead, s, now));

    return json_line([&](json_text& json) {
        json("id", c.name);
        json("summary", summary);
        json("next_request", [&] {
            json("outcome", word(next.word));
            json("detail", next.detail);
            json("wait_seconds", next.wait == duration(0) ? 0 : seconds_up(next.wait));
        });
        json.list("kept", c.copies, [&](const known_copy& copy) {
            const entry& e = *copy.kept;
            trust trusted = trust_of(copy.confirmed_at);
            json("credential", copy.credential);
            json("state", state_of(e, trusted, s, now));
            json("outcome", word(foretell(&e, trusted, copy.ahead, s, now).word));
            json("kept_timestamp", e.sent_at);
            json("fresh_until_timestamp", e.fresh_until());
            json("deleted_timestamp", kept_until(s.cache.calls, e));
            json("from", word_of(e.from));
            json("private", e.is_private);
            json("text", text_of(copy, trusted, s, now));
        });
        json.list("views", c.views, [&](const known_view& v) {
            const entry& e = *v.copy.kept;
            trust trusted = trust_of(v.copy.confirmed_at);
            json("view", word_of(*view_of(v.name)));
            json("name", v.name);
            json("credential", v.copy.credential);
            json("state", state_of(e, trusted, s, now));
            json("kept_timestamp", e.sent_at);
            json("fresh_until_timestamp", e.fresh_until());
            json("deleted_timestamp", kept_until(s.cache.calls, e));
            json("private", e.is_private);
            json("text", text_of(v.copy, trusted, s, now, word_of(*view_of(v.name))));
        });
        json("upstream", [&] {
            json("up", ahead.is_up);
            json("paused_until_timestamp",
                 ahead.paused_for > duration(0) ? std::optional(now + ahead.paused_for) : std::nullopt);
        });
        json("text", lines);
    });
}

}  // namespace callcache
