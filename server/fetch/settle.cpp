#include "server/fetch/settle.hpp"

#include "cache/directives.hpp"
#include "cache/freshness.hpp"
#include "server/fetch/batch.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/not_answered.hpp"
#include "server/fetch/questions.hpp"
#include "server/fetch/read_freshness.hpp"
#include "server/upstream/content_coding.hpp"

#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using answer_ptr = std::shared_ptr<const upstream_answer>;

constexpr duration passed_for = std::chrono::hours(1);           // what may not be kept is tried again after this
constexpr duration absent_for = std::chrono::seconds(10);        // of a call that a read leaves out
constexpr duration confirmation_step = std::chrono::minutes(1);  // trust is written no more precisely than this
constexpr std::size_t confirmations_max = 4096;                  // beyond it some are written once more

// An answer that a cache on the way had kept is as if it had been asked for so much earlier (RFC 9111, section 4.2.3).
std::shared_ptr<entry> entry_of(const upstream_answer& answer, std::string body, wall_time sent_at)
{
    auto e = std::make_shared<entry>();
    const std::string* age = answer.find("age");
    e->sent_at = sent_at - (age ? read_seconds(*age).value_or(duration(0)) : duration(0));
    if (const std::string* type = answer.find("content-type")) e->content_type = *type;
    e->body = std::move(body);
    return e;
}

// The entity tag is of the call object's bytes, or of all of a kept route's.
void describe(const miss_path& path, entry& e, std::string_view tagged, duration fresh)
{
    e.etag = "\"" + hex(sha256(tagged), 16) + "\"";
    bool guards = path.parts.kept.is_guarded(path.config().cache.erasure_guard, e.sent_at);
    e.fresh_for = guards ? guarded(path.config().cache.calls, fresh) : fresh;
}

void describe(const miss_path& path, entry& e, const call_answer& call)
{
    e.is_private = call.is_private;
    describe(path, e, call.call,
             call_freshness(path.config().cache.calls, call.started, call.is_private, e.sent_at,
                            jitter_of(call.id, e.sent_at)));
}

// The same call again: the bytes that are kept stay, and only its times change.
void keep_bytes(entry& e, const entry_ptr& before)
{
    if (before && !e.is_negative && before->etag == e.etag) e.body = before->body;
}

// Ends the flight.
std::list<waiter> take_waiters(miss_path& path, flight& f)
{
    auto* l = dynamic_cast<lookup_flight*>(&f);
    if (l && l->why == lookup_flight::purpose::renewal) path.renewing.erase(f.first.whose.get());
    return path.flights.end(f);
}

// Ends the flight, and tells each who waited.
void end(miss_path& path, flight& f, const std::function<looked_up(const waiter&)>& word_for)
{
    for (waiter& w : take_waiters(path, f)) w.done(word_for(w));
}

void answer_all(miss_path& path, flight& f, const looked_up& settled)
{
    end(path, f, [&](const waiter& w) {
        looked_up mine = settled;
        if (w.joined) mine.word = outcome::collapsed;
        return mine;
    });
}

// Each is answered from what is kept, where its age allows it; the others get `otherwise`.
void fall_back(miss_path& path, flight& f, const looked_up& otherwise)
{
    end(path, f, [&](const waiter& w) {
        looked_up mine = otherwise;
        if (w.joined && mine.word == outcome::miss) mine.word = outcome::collapsed;
        return fallback(path, w.asked, std::move(mine));
    });
}

looked_up handed_on(answer_ptr answer)
{
    looked_up l;
    l.word = outcome::miss;
    l.vendors = std::move(answer);
    return l;
}

void warn_of_failure(miss_path& path, const flight& f, const std::string& why)
{
    path.parts.out.warn(
        "a request failed",
        {{"id", std::string(path_of(f.first.id))}, {"upstream", path.parts.upstream.text()}, {"why", why}});
}

// The vendor accepted the credential.
void confirm(miss_path& path, partition& whose, wall_time sent_at)
{
    bool fresh = path.parts.known.enroll(whose);
    bool was_trusted = whose.confirmed_at().has_value();
    whose.confirm(sent_at);
    if (path.confirmation_written.size() >= confirmations_max) path.confirmation_written.clear();
    wall_time& written = path.confirmation_written[whose.id()];
    if (!fresh && was_trusted && sent_at - written < confirmation_step) return;
    written = sent_at;
    whose.use(sent_at);
    path.parts.kept.disk().put_partition(whose.record());
    if (!whose.company()) return;
    whose.company()->use(sent_at);
    path.parts.kept.disk().put_partition(whose.company()->record());
}

// The vendor refused the credential: what was kept under it is not read any more.
void hear_401(miss_path& path, const flight& f)
{
    partition& whose = *f.first.whose;
    whose.refuse(f.last.sent_at);
    path.refused.refused(f.refused_as, f.last.turn_at, path.now().steady);
    if (whose.id() != 0) path.parts.kept.disk().put_partition(whose.record());
    if (!f.first.kept_by && path.host_signs.hear_401())
        path.parts.out.warn("Gong answered 401. If the credential is right, " + own_host_hint(path.parts.upstream));
}

// A route that keeps nothing was not meant so.
void hear_not_kept(miss_path& path, const route_settings& route, const upstream_answer& answer)
{
    if (answer.status != 200 || !path.routes_not_kept.insert(&route).second) return;
    path.parts.out.warn("a route keeps nothing, as Gong's answer says that it may not be kept (no-store, no-cache, "
                        "private or Set-Cookie); set \"override\": true for it, or remove it from cache.routes",
                        {{"route", route.path}});
}

// Enrolls a key of the company although Gong has not accepted it: otherwise, once accepted, it could read from the
// company's entries a call that it may not.
void forbid(miss_path& path, const lookup_flight& f)
{
    partition& whose = *f.first.whose;
    if (whose.company() && path.parts.known.enroll(whose))
    {
        whose.use(f.last.sent_at);
        path.parts.kept.disk().put_partition(whose.record());
    }
    if (whose.id() != 0) path.parts.kept.drop(whose, f.first.id, f.last.sent_at);
}

// What is kept of it, or was when the front looked.
entry_ptr known_before(const miss_path& path, const lookup_flight& f)
{
    entry_ptr before = path.parts.kept.find_in_memory(*f.first.whose, f.first.id);
    return before ? before : f.first.seen;
}

// True if it is kept, and will be served: what a cache on the way had kept may be too old by now.
bool store_entry(const miss_path& path, const lookup_flight& f, entry_ptr e)
{
    const bool lasts = path.now().wall < kept_until(path.config().cache.calls, *e);
    return path.parts.kept.keep(*f.first.whose, f.first.id, std::move(e), f.last.ticket) && lasts;
}

void keep(miss_path& path, lookup_flight& f, std::shared_ptr<entry> e, answer_ptr answer)
{
    partition& whose = *f.first.whose;
    if (!f.in_bulk)  // a bulk read says nothing about the credential
    {
        path.refused.accepted(f.refused_as);
        confirm(path, whose, f.last.sent_at);
    }
    path.failing.forget(whose.name(), f.first.id);
    keep_bytes(*e, known_before(path, f));
    e->from = f.in_bulk ? source::bulk : source::lookup;
    if (!f.first.kept_by && !e->is_negative && !e->is_private)
        path.counts.fetched(f.first.id, (whose.company() ? *whose.company() : whose).name(), !f.in_bulk,
                            f.last.sent_at);
    looked_up settled = handed_on(std::move(answer));
    if (f.in_bulk) settled.word = outcome::bulk;
    settled.kept = e;
    settled.stored = store_entry(path, f, std::move(e));
    answer_all(path, f, settled);
}

void keep_missing(miss_path& path, lookup_flight& f, answer_ptr answer)
{
    auto e = entry_of(*answer, answer->body, f.last.sent_at);
    entry_ptr before = known_before(path, f);
    e->is_negative = true;
    e->missing_since = before && before->is_negative ? before->missing_since : f.last.sent_at;
    e->fresh_for = not_found_freshness(path.config().cache.calls, before.get(), f.last.sent_at);
    keep(path, f, std::move(e), std::move(answer));
}

// Remembers what the vendor says of this id alone.
void remember_no(miss_path& path, const lookup_flight& f, const answer_ptr& answer)
{
    if (!is_no_to_one(*answer)) return;
    failing_ids::known no;
    no.times.sent_at = f.last.sent_at;
    no.answer = answer;
    no.ticket = f.last.ticket;
    path.failing.failed(f.first.whose->name(), f.first.id, std::move(no), path.config().cache.calls);
}

// The answer may not be kept, and is that of the one who began the flight, if it is whole. The others, and for a while
// all that come, need one of their own.
void pass_by(miss_path& path, lookup_flight& f, const answer_ptr& answer)
{
    partition& whose = *f.first.whose;
    path.refused.accepted(f.refused_as);
    confirm(path, whose, f.last.sent_at);
    auto e = std::make_shared<entry>();
    e->sent_at = f.last.sent_at;
    e->fresh_for = passed_for;
    e->is_passed = true;
    path.parts.kept.keep(whose, f.first.id, std::move(e), f.last.ticket);
    end(path, f, [&](const waiter& w) {
        looked_up mine;
        mine.word = outcome::pass;
        mine.passes = w.joined || !answer;
        if (!mine.passes) mine.vendors = answer;
        return mine;
    });
}

// The vendor answered a read of calls: the credential may do that.
void accept_read(miss_path& path, lookup_flight& f)
{
    path.refused.accepted(f.refused_as);
    confirm(path, *f.first.whose, f.last.sent_at);
    path.failing.forget(f.first.whose->name(), f.first.id);
}

void keep_read(miss_path& path, lookup_flight& f, std::shared_ptr<entry> e, bool is_kept)
{
    keep_bytes(*e, known_before(path, f));
    e->from = source::bulk;
    looked_up settled;
    settled.word = outcome::miss;
    settled.kept = e;
    settled.request_id = f.brought.request_id;
    settled.stored = is_kept && store_entry(path, f, std::move(e));
    answer_all(path, f, settled);
}

// A transcript without a sentence is still being made.
void keep_element(miss_path& path, lookup_flight& f, upstream_answer answer)
{
    accept_read(path, f);
    const read_terms& terms = *f.first.read;
    const read_element& b = f.brought;
    const bool is_transcript = terms.what == call_view::transcript;
    std::string body = std::move(answer.body);
    auto e = entry_of(answer, std::move(body), f.last.sent_at);
    e->is_private = b.is_private;
    duration fresh = is_transcript
                         ? fresh_for_now(path.parts.kept, path.config(), terms, f.first.id, *e)
                         : details_freshness(path.config().cache.calls, b.started, b.is_private, terms.is_volatile,
                                             e->sent_at, jitter_of(f.first.id, e->sent_at));
    describe(path, *e, e->body, fresh);
    keep_read(path, f, std::move(e), !is_transcript || b.has_sentences);
}

// Its absence is for those who ask at the same time: a transcript may be there soon.
void keep_absence(miss_path& path, lookup_flight& f, const upstream_answer& answer)
{
    accept_read(path, f);
    auto e = entry_of(answer, {}, f.last.sent_at);
    e->is_negative = true;
    e->missing_since = f.last.sent_at;
    e->fresh_for = absent_for;
    keep_read(path, f, std::move(e), true);
}

// Not the vendor's word on one call, but a refusal of the whole request. One that may be for another of the calls is
// not handed to those who have joined: they ask again.
void hear_no_to_read(miss_path& path, lookup_flight& f, answer_ptr answer)
{
    const bool is_refused = refuses_credential(*answer), is_401 = is_refused && answer->status == 401;
    if (is_401) hear_401(path, f);
    if (is_refused && !is_401 && !f.brought.is_follower)
    {
        f.first.whose->refuse(f.last.sent_at);
        if (f.first.whose->id() != 0) path.parts.kept.disk().put_partition(f.first.whose->record());
    }
    if (f.brought.is_alone) remember_no(path, f, answer);
    const bool is_for_all = f.brought.is_alone || is_401 || answer->status == 429;
    const bool is_failing = answer->status == 429 || answer->status >= 500;
    if (is_failing && answer->status != 429 && !f.brought.is_follower)
        warn_of_failure(path, f, "answered " + std::to_string(answer->status));
    for (waiter& w : take_waiters(path, f))
        if (!is_for_all && w.asked.read->request != f.first.read->request)
            asio::post(path.parts.loop, [path = path.shared_from_this(), w = std::move(w)]() mutable {
                ask(*path, std::move(w.asked), std::move(w.done));
            });
        else
            w.done(is_failing ? fallback(path, w.asked, handed_on(answer)) : handed_on(answer));
}

void settle_read(miss_path& path, lookup_flight& f, fetched result)
{
    if (f.passes)
        return end(path, f, [](const waiter&) {
            looked_up each;
            each.word = outcome::pass;
            each.passes = true;
            return each;
        });
    if (auto* no = std::get_if<refusal>(&result)) return fail(path, f, std::move(*no));
    auto* failure = std::get_if<upstream_failure>(&result);
    if (failure && f.brought.is_follower) return fall_back(path, f, not_answered(path, *failure, f.first));
    if (failure) return fail(path, f, std::move(*failure));
    auto& answer = std::get<upstream_answer>(result);
    if (f.brought.is_absent) return keep_absence(path, f, answer);
    if (answer.status == 200) return keep_element(path, f, std::move(answer));
    hear_no_to_read(path, f, std::make_shared<const upstream_answer>(std::move(answer)));
}

}  // namespace

void settle(miss_path& path, lookup_flight& f, fetched result)
{
    if (f.first.read) return settle_read(path, f, std::move(result));
    if (f.why == lookup_flight::purpose::check) compare(path, f, std::get_if<upstream_answer>(&result));
    const route_settings* route = f.first.kept_by;
    if (auto* no = std::get_if<refusal>(&result)) return fail(path, f, std::move(*no));
    if (auto* failure = std::get_if<upstream_failure>(&result))
        return failure->what == failure_kind::too_large && route ? pass_by(path, f, nullptr)
                                                                 : fail(path, f, std::move(*failure));
    auto answer = std::make_shared<const upstream_answer>(std::move(std::get<upstream_answer>(result)));
    const std::string elsewhere = redirects_to(*answer, path.parts.upstream);
    if (!elsewhere.empty() && !route)
        return fail(path, f,
                    upstream_failure{failure_kind::nonsense,
                                     "it redirects to " + elsewhere +
                                         ". If that is your company's API host, set it with --upstream " + elsewhere +
                                         " or upstream.url"});
    const classification c = route ? classify_route(*answer, route->overrides) : classify(*answer, f.first.id);
    switch (c.what)
    {
    case meaning::found:
    {
        auto e = entry_of(*answer, answer->body, f.last.sent_at);
        if (route)
            describe(path, *e, e->body, route_freshness(route->fresh, jitter_of(f.first.id, f.last.sent_at)));
        else
            describe(path, *e, c.call);
        return keep(path, f, std::move(e), answer);
    }
    case meaning::not_kept:
        if (route) hear_not_kept(path, *route, *answer);
        return pass_by(path, f, answer);
    case meaning::unfit: return pass_by(path, f, nullptr);
    case meaning::not_found: return keep_missing(path, f, answer);
    case meaning::refused: hear_401(path, f); return answer_all(path, f, handed_on(answer));
    case meaning::forbidden:
        forbid(path, f);
        remember_no(path, f, answer);
        return answer_all(path, f, handed_on(answer));
    case meaning::handed_on: remember_no(path, f, answer); return answer_all(path, f, handed_on(answer));
    case meaning::failing:
        remember_no(path, f, answer);
        warn_of_failure(path, f, "answered " + std::to_string(answer->status));
        return fall_back(path, f, handed_on(answer));
    case meaning::nonsense: return fail(path, f, upstream_failure{failure_kind::nonsense, c.why});
    }
}

void fail(miss_path& path, flight& f, const unsent& why)
{
    if (auto* no = std::get_if<refusal>(&why)) return fall_back(path, f, not_answered(path, *no));
    auto& failure = std::get<upstream_failure>(why);
    if (is_asked(failure.what) || failure.what == failure_kind::crowded) warn_of_failure(path, f, failure.text);
    fall_back(path, f, not_answered(path, failure, f.first));
}

void keep_brought(miss_path& path, const relay_flight& f, const upstream_answer& brought)
{
    const std::optional<upstream_answer> plain = without_gzip(brought, bulk_answer_bytes_max);
    const upstream_answer& answer = plain ? *plain : brought;
    partition& whose = *f.first.whose;
    const bulk_kind kind = *f.channel->brings;
    bulk_classification c = classify_bulk(answer, kind);
    if (kind == bulk_kind::list && c.is_vendors_word) confirm(path, whose, f.last.sent_at);
    if (c.how != bulk_end::read) return;
    keep_calls(path, whose, answer, c.found, kind == bulk_kind::list ? source::list : source::bulk, f.last);
}

void keep_calls(miss_path& path, partition& whose, const upstream_answer& answer, const bulk_answer& found, source from,
                const attempt& sent)
{
    if (whose.id() == 0) return;
    for (const call_answer& call : found.calls)
    {
        auto e = entry_of(answer, body_of_one(found.request_id, call.call), sent.sent_at);
        describe(path, *e, call);
        e->from = from;
        path.failing.forget(whose.name(), call.id);
        keep_bytes(*e, path.parts.kept.find_in_memory(whose, call.id));
        path.parts.kept.keep(whose, call.id, std::move(e), sent.ticket);
    }
}

}  // namespace callcache
