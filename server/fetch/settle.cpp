// What an answer, or the lack of one, means for what is kept, for the credential's trust, and for everyone who waits.

#include "cache/freshness.hpp"
#include "server/fetch/flight.hpp"
#include "server/http/trace.hpp"

#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;

constexpr duration passed_for = std::chrono::hours(1);           // what may not be kept is tried again after this
constexpr duration confirmation_step = std::chrono::minutes(1);  // trust is written no more precisely than this

std::shared_ptr<entry> entry_of(const upstream_answer& answer, std::string body, wall_time sent_at)
{
    auto e = std::make_shared<entry>();
    e->sent_at = sent_at;
    if (const std::string* type = answer.find("content-type")) e->content_type = *type;
    e->body = std::move(body);
    return e;
}

// The entity tag is of the call object's bytes, or of all of a kept route's.
void describe(const fetcher_parts& parts, entry& e, std::string_view tagged, duration fresh)
{
    e.etag = "\"" + hex(sha256(tagged), 16) + "\"";
    bool guards = parts.kept.is_guarded(parts.config->cache.erasure_guard, e.sent_at);
    e.fresh_for = guards ? guarded(parts.config->cache.calls, fresh) : fresh;
}

void describe(const fetcher_parts& parts, entry& e, const call_answer& call)
{
    e.is_private = call.is_private;
    describe(parts, e, call.call,
             call_freshness(parts.config->cache.calls, call.started, call.is_private, e.sent_at,
                            jitter_of(call.id, e.sent_at)));
}

// The same call again: the bytes that are kept stay, and only its times change.
void keep_bytes(entry& e, const entry_ptr& before)
{
    if (before && !e.is_negative && before->etag == e.etag) e.body = before->body;
}

}  // namespace

void fetcher::settle(const flight_ptr& f, upstream_result r)
{
    if (!f->compared.empty()) compare(*f, r);
    auto* failure = std::get_if<upstream_failure>(&r);
    if (failure && failure->what == failing::too_large && f->first.kept_by) return pass_by(f, nullptr);
    if (failure) return fail(f, nullptr, *failure);
    auto answer = std::make_shared<const upstream_answer>(std::move(std::get<upstream_answer>(r)));
    const route_settings* route = f->first.kept_by;
    classification j = route ? classify_route(*answer, route->overrides) : classify(*answer, f->first.id);
    partition& whose = *f->first.whose;

    auto fresh_entry = [&] { return entry_of(*answer, answer->body, f->sent_at); };
    looked_up handed_on;
    handed_on.word = outcome::miss;
    handed_on.vendors = answer;

    switch (j.what)
    {
    case meaning::found:
    {
        auto e = fresh_entry();
        if (route)
            describe(parts_, *e, e->body, route_freshness(route->fresh, jitter_of(f->first.id, f->sent_at)));
        else
            describe(parts_, *e, j.call);
        return keep(f, std::move(e), answer);
    }
    case meaning::not_kept:
    case meaning::unfit: return pass_by(f, j.what == meaning::not_kept ? answer : nullptr);
    case meaning::not_found:
    {
        auto e = fresh_entry();
        entry_ptr before = parts_.kept.find_in_memory(whose, f->first.id);
        if (!before) before = f->first.seen;
        bool again = before && before->is_negative;
        e->is_negative = true;
        e->missing_since = again ? before->missing_since : f->sent_at;
        e->fresh_for = not_found_freshness(parts_.config->cache.calls, before.get(), f->sent_at);
        return keep(f, std::move(e), answer);
    }
    case meaning::refused: hear_401(*f); return answer_all(f, handed_on);
    case meaning::forbidden:
        // A key of the company that was never accepted may be later: it must not read then what others may.
        if (whose.company() && parts_.known.enroll(whose))
        {
            whose.use(f->sent_at);
            parts_.kept.disk().put_partition(whose.record());
        }
        if (whose.id() != 0) parts_.kept.drop(whose, f->first.id, f->sent_at);
        return answer_all(f, handed_on);
    case meaning::handed_on: return answer_all(f, handed_on);
    case meaning::failing: return fail(f, answer, {failing::lost, "answered " + std::to_string(answer->status)});
    case meaning::nonsense: return fail(f, nullptr, {failing::nonsense, j.why});
    }
}

void fetcher::keep(const flight_ptr& f, std::shared_ptr<entry> e, std::shared_ptr<const upstream_answer> answer)
{
    partition& whose = *f->first.whose;
    if (!f->in_bulk)  // a bulk read says nothing about the credential
    {
        refused_credentials_.accepted(f->refused_as);
        confirm(whose, f->sent_at);
    }
    entry_ptr before = parts_.kept.find_in_memory(whose, f->first.id);
    if (!before) before = f->first.seen;
    keep_bytes(*e, before);
    e->from = f->in_bulk ? source::bulk : source::lookup;

    looked_up settled;
    if (!f->first.kept_by && !e->is_negative && !e->is_private)
        counts_.fetched(f->first.id, (whose.company() ? *whose.company() : whose).name(), !f->in_bulk, f->sent_at);
    settled.word = f->in_bulk ? outcome::bulk : outcome::miss;
    settled.kept = e;
    settled.vendors = std::move(answer);
    settled.stored = parts_.kept.keep(whose, f->first.id, std::move(e), f->ticket);
    answer_all(f, settled);
}

// Learns from a list, or from a bulk read of a tool's own, that has passed through as a whole: a list may confirm the
// credential, and the calls of both are kept. Where an answer that was sent for later is kept already, it stays.
void fetcher::keep_brought(const flight& f, const upstream_answer& answer)
{
    partition& whose = *f.first.whose;
    bulk_classification j = classify_bulk(answer, *f.relay->brings);
    if (*f.relay->brings == bulk_kind::list && j.is_vendors_word) confirm(whose, f.sent_at);
    if (j.how != bulk_end::read || whose.id() == 0) return;
    for (const call_answer& call : j.found.calls)
    {
        auto e = entry_of(answer, body_of_one(j.found.request_id, call.call), f.sent_at);
        describe(parts_, *e, call);
        e->from = *f.relay->brings == bulk_kind::list ? source::list : source::bulk;
        keep_bytes(*e, parts_.kept.find_in_memory(whose, call.id));
        parts_.kept.keep(whose, call.id, std::move(e), f.ticket);
    }
}

// The answer may not be kept, and is that of the one who began the flight, if it is whole. The others, and for a while
// all that come, need one of their own.
void fetcher::pass_by(const flight_ptr& f, const std::shared_ptr<const upstream_answer>& answer)
{
    partition& whose = *f->first.whose;
    refused_credentials_.accepted(f->refused_as);
    confirm(whose, f->sent_at);
    auto e = std::make_shared<entry>();
    e->sent_at = f->sent_at;
    e->fresh_for = passed_for;
    e->is_passed = true;
    parts_.kept.keep(whose, f->first.id, std::move(e), f->ticket);
    forget(*f);
    auto waiters = std::move(f->waiters);
    for (waiter& w : waiters)
    {
        looked_up mine;
        mine.word = outcome::pass;
        mine.passes = w.joined || !answer;
        if (!mine.passes) mine.vendors = answer;
        w.done(std::move(mine));
    }
}

// The vendor accepted the credential.
void fetcher::confirm(partition& whose, wall_time sent_at)
{
    bool fresh = parts_.known.enroll(whose);
    bool was_trusted = whose.confirmed_at().has_value();
    whose.confirm(sent_at);
    wall_time& written = confirmation_written_[whose.id()];
    if (!fresh && was_trusted && sent_at - written < confirmation_step) return;
    written = sent_at;
    whose.use(sent_at);
    parts_.kept.disk().put_partition(whose.record());
    if (!whose.company()) return;
    whose.company()->use(sent_at);
    parts_.kept.disk().put_partition(whose.company()->record());
}

// The vendor refused the credential: what was kept under it is not read any more.
void fetcher::hear_401(const flight& f)
{
    partition& whose = *f.first.whose;
    whose.refuse(f.sent_at);
    refused_credentials_.refused(f.refused_as, f.turn_at, parts_.clock.steady());
    if (whose.id() != 0) parts_.kept.disk().put_partition(whose.record());
    if (f.first.kept_by || std::exchange(heard_401_, true)) return;
    parts_.out.warn(
        "Gong answered 401. If the credential is right, your company may have an API host of its own, such "
        "as https://us-12345.api.gong.io (Gong shows it beside the API keys); set it with --upstream URL or "
        "upstream.url. Now it is " +
        parts_.upstream.text());
}

// Each waiter is answered from what is kept, where its age allows it; the others get the vendor's own word, if there is
// one, or callcache's.
void fetcher::fail(const flight_ptr& f, std::shared_ptr<const upstream_answer> answer, const upstream_failure& failure)
{
    looked_up otherwise;
    if (answer)
    {
        otherwise.word = outcome::miss;
        otherwise.vendors = std::move(answer);
    }
    else if (failure.what == failing::unsent)
        otherwise =
            own(with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1), outcome::error);
    else if (auto no = f->refused ? just_refused(refused_credentials_, f->first, parts_.clock.steady()) : std::nullopt)
        otherwise = own(std::move(*no), outcome::error);
    else if (f->forgotten)  // a tool that has closed its own side alone still reads
        otherwise =
            own(with_retry_after(own_answer(503, "the tool had closed its side of the connection, and was taken for "
                                                 "gone (budget.linger)"),
                                 1),
                outcome::limited);
    else if (failure.what == failing::limited)
        otherwise = limited(parts_, f->limited.value_or(refusal()));
    else if (failure.what == failing::down)
        otherwise = own(is_down(parts_, breaker_, failure.text), outcome::error);
    else
    {
        bool in_time = failure.what != failing::slow && failure.what != failing::crowded;
        reply r = own_answer(in_time ? 502 : 504,
                             "Gong (" + parts_.upstream.text() + ") could not be asked: " + failure.text);
        auto soon = breaker_.until_probe(parts_.clock.steady());
        otherwise =
            own(breaker_.is_down() ? with_retry_after(std::move(r), seconds_up(soon)) : std::move(r), outcome::error);
    }
    if (is_asked(failure.what) || failure.what == failing::crowded)
        parts_.out.warn(
            "a request failed",
            {{"id", std::string(path_of(f->first.id))}, {"upstream", parts_.upstream.text()}, {"why", failure.text}});
    forget(*f);
    auto waiters = std::move(f->waiters);
    for (waiter& w : waiters)
    {
        looked_up mine = otherwise;
        if (w.joined && mine.word == outcome::miss) mine.word = outcome::collapsed;
        w.done(fallback(w.asked, std::move(mine)));
    }
}

void fetcher::forget(const flight& f)
{
    shut(f);
    by_number_.erase(f.number);
    for (const waiter& w : f.waiters) askers_.erase(w.asked.asker);
    if (f.renews) renewing_.erase(f.first.whose.get());
}

void fetcher::answer_all(const flight_ptr& f, const looked_up& settled)
{
    forget(*f);
    auto waiters = std::move(f->waiters);
    for (waiter& w : waiters)
    {
        looked_up mine = settled;
        if (w.joined) mine.word = outcome::collapsed;
        w.done(std::move(mine));
    }
}

// A request that was sent has ended: for the counts, and the line of log.access.
void fetcher::note_end(const flight& f, const upstream_result& r, std::size_t calls)
{
    upstream_kind kind = calls > 0         ? upstream_kind::bulk
                         : f.relay         ? upstream_kind::pass
                         : f.background    ? upstream_kind::refresh
                         : f.first.kept_by ? upstream_kind::route
                                           : upstream_kind::lookup;
    auto* answer = std::get_if<upstream_answer>(&r);
    counts_.ended(kind, answer ? answer->status : 0, f.ended - f.sent_steady);
    if (parts_.config->log.access == log_access::off) return;
    auto ms = [](steady_time::duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
    };
    outcome how = !answer                       ? outcome::error
                  : answer->status == 429       ? outcome::limited
                  : kind == upstream_kind::bulk ? outcome::bulk
                  : kind == upstream_kind::pass ? outcome::pass
                                                : outcome::miss;
    std::vector<log_field> line{{"kind", std::string(word(kind))},
                                {"outcome", std::string(word(how))},
                                {"id", std::string(path_of(f.first.id))},
                                {"calls", std::to_string(std::max<std::size_t>(calls, 1))},
                                {"status", answer ? std::to_string(answer->status) : "none"},
                                {"wait_ms", ms(f.sent_steady - f.first.asked_at)},
                                {"upstream_ms", ms(f.ended - f.sent_steady)},
                                {"askers", std::to_string(f.waiters.size())},
                                {"tool", f.first.tool}};
    std::string_view number = answer ? request_id_in(answer->body) : std::string_view();
    if (!number.empty()) line.emplace_back("request_id", number);
    if (!f.first.traceparent.empty()) line.emplace_back("traceparent", f.first.traceparent);
    parts_.out.info("upstream", line);
}

}  // namespace callcache
