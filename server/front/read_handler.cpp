// A POST that reads several calls by their ids, answered call by call: each is a lookup of one view of one call.
//
//   body → is it such a read? → what is kept of each → the fetcher, for the others alone → one answer, in the order of
//   the request
//
// A part is never answered: it would read as "not found". So one call that has no answer makes the whole answer its
// error.

#include "cache/asked_calls.hpp"
#include "server/fetch/read_freshness.hpp"
#include "server/front/begun_conversation.hpp"
#include "server/front/lookup_handler.hpp"
#include "server/front/read_answer.hpp"
#include "server/front/relay_upload.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t written_at_once = 64 << 10;

std::shared_ptr<const read_terms> terms_of(const asked_calls& r, partition_ptr calls_of, std::uint64_t number)
{
    auto terms = std::make_shared<read_terms>();
    terms->what = r.what;
    terms->rest = r.rest;
    terms->is_volatile = r.is_volatile;
    terms->calls_of = std::move(calls_of);
    terms->request = number;
    return terms;
}

// The part that got an error, if one did: nobody waited for the others then.
const read_part* first_without_answer(const std::vector<read_part>& parts)
{
    const read_part* untold = nullptr;
    for (const read_part& p : parts)
    {
        if (!p.is_asked || p.found.kept) continue;
        if (p.found.own || p.found.vendors) return &p;
        untold = untold ? untold : &p;
    }
    return untold;
}

}  // namespace

task<void> lookup_handler::answer_read(response_context& c, const routed& to, conversation& with)
{
    held_body taken = co_await hold_body(with, c.asked.body, held_bodies_);
    if (taken.refused)
    {
        c.mode.keep_alive = false;
        if (taken.refused->status != 0)
            answers_.write(c, own_answer(taken.refused->status, taken.refused->text), outcome::error);
        co_return;
    }
    auto asked = taken.is_whole ? read_asked_calls(to.view, taken.bytes) : std::nullopt;
    const partition_ptr& whose = c.from.credential.whose(to.view, parts_.known);
    bool is_answered = false;
    if (asked && parts_.clock.wall() >= whose->no_bulk_until())
    {
        c.mode.keep_alive = c.asked.keep_alive;
        auto terms = terms_of(*asked, c.from.credential.whose(), ++askers_);
        std::vector<read_part> parts;
        for (const std::string& id : asked->ids) parts.push_back({.name = kept_name_of(id, asked->variant)});
        is_answered = co_await answer_parts(c, to, with, std::move(terms), parts);
    }
    if (is_answered) co_return;
    taken.room.keep(0);
    begun_conversation again(with, std::move(taken.bytes));
    co_await forward(c, to, again);
}

// False if the request is to be sent as it came.
task<bool> lookup_handler::answer_parts(response_context& c, const routed& to, conversation& with,
                                        std::shared_ptr<const read_terms> terms, std::vector<read_part>& parts)
{
    const partition_ptr whose = c.from.credential.whose(terms->what, parts_.known);
    lookup common = lookup_of(c, to, nullptr, why::not_kept);
    common.read = terms;
    common.whose = whose;
    common.seen_under = parts_.kept.ticket();
    for (read_part& p : parts)
    {
        p.kept = parts_.kept.find_in_memory(*whose, p.name);
        if (!p.kept && whose->id() != 0) p.kept = parts_.kept.find_at_once(*whose, p.name);
        if (!p.kept && whose->id() != 0) p.kept = co_await find_on_disk(whose, p.name);
        if (p.kept) p.fresh_for = fresh_for_now(parts_.kept, *parts_.config, *terms, p.name, *p.kept);
    }
    // Where the credential must be confirmed first, one call does that for all that are kept.
    for (bool is_first : {true, false})
    {
        std::vector<missing_part> missing;
        switch (decide_parts(c.asked, common, is_first, parts, missing))
        {
        case verdict::pass: co_return false;
        case verdict::refuse: write_not_kept(c); co_return true;
        default: break;
        }
        co_await fetch_missing(with, std::move(missing));
    }
    if (std::any_of(parts.begin(), parts.end(), [](const read_part& p) { return p.found.passes; })) co_return false;
    if (const read_part* failed = first_without_answer(parts))
        answers_.write_looked_up(c, failed->found, failed->decided.reason);
    else
        co_await write_parts(c, with, terms->what, parts);
    co_return true;
}

// Decides on each part that has no answer yet, and says which are to be asked for. `fetch` unless the whole request is
// to pass or to be refused. `defers`: of those that wait for the credential to be confirmed alone, one at most is asked
// for.
verdict lookup_handler::decide_parts(const request& r, const lookup& common, bool defers, std::vector<read_part>& parts,
                                     std::vector<missing_part>& missing)
{
    const wall_time now = parts_.clock.wall();
    auto lookup_of_part = [&](const read_part& p) {
        lookup l = common;
        l.id = p.name;
        l.seen = p.kept;
        if (p.kept) l.seen_fresh_for = p.fresh_for;
        l.reason = p.decided.reason;
        return l;
    };
    auto ask_for = [&](read_part& p) {
        p.is_asked = true;
        missing.push_back({&p, lookup_of_part(p)});
        missing.back().what.asker = ++askers_;
    };
    lookup as_seen;  // without what a hit has no use for
    read_part* waits = nullptr;
    for (read_part& p : parts)
    {
        if (p.is_asked || p.is_served) continue;
        entry times;
        as_seen.seen = p.kept;
        as_seen.seen_fresh_for = p.fresh_for;
        if (p.kept) times = times_of(as_seen, *p.kept);
        p.decided = rule(r, *common.whose, p.kept ? &times : nullptr, now);
        switch (p.decided.verdict)
        {
        case verdict::pass:
        case verdict::refuse: return p.decided.verdict;
        case verdict::serve_refresh: parts_.misses.ask(lookup_of_part(p), nullptr); [[fallthrough]];
        case verdict::serve: p.is_served = true; break;
        case verdict::fetch:
            if (defers && p.kept && p.decided.reason == why::untrusted)
                waits = waits ? waits : &p;
            else
                ask_for(p);
        }
    }
    if (waits && missing.empty()) ask_for(*waits);
    return verdict::fetch;
}

// Each of them is told of in its own place, on the fetch loop. The last one wakes the request, and so does the first
// that has no answer: then nobody waits for the others any more.
task<void> lookup_handler::fetch_missing(conversation& with, std::vector<missing_part> missing)
{
    if (missing.empty()) co_return;
    struct gathered
    {
        std::size_t left;
        std::vector<looked_up> found;
        std::function<void(bool)> done = {};
    };
    auto all = std::make_shared<gathered>(gathered{missing.size(), std::vector<looked_up>(missing.size())});
    std::vector<std::uint64_t> askers;
    for (const missing_part& m : missing) askers.push_back(m.what.asker);
    with.notice_end([this, askers] {
        for (std::uint64_t a : askers) parts_.misses.left(a);
    });
    auto ask = [this, all, &missing](auto done) {
        all->done = std::move(done);
        std::vector<std::pair<lookup, answered>> questions;
        for (std::size_t i = 0; i < missing.size(); ++i)
            questions.emplace_back(std::move(missing[i].what), [all, i](looked_up found) {
                if (!all->done) return;  // the front reads `found` already
                const bool is_over = !found.kept && !found.passes;
                all->found[i] = std::move(found);
                if (--all->left == 0 || is_over) std::exchange(all->done, nullptr)(!is_over);
            });
        parts_.misses.ask_all(std::move(questions));
    };
    const bool all_told = co_await call_back<bool>(std::move(ask));
    with.notice_end(nullptr);
    if (!all_told) parts_.misses.withdraw(std::move(askers));
    for (std::size_t i = 0; i < missing.size(); ++i)
    {
        read_part& p = *missing[i].part;
        p.found = std::move(all->found[i]);
        const entry_ptr seen = std::exchange(p.kept, p.found.kept);
        if (p.kept && p.kept != seen) p.fresh_for = p.kept->fresh_for;
    }
}

task<void> lookup_handler::write_parts(response_context& c, conversation& with, call_view what,
                                       const std::vector<read_part>& parts)
{
    const wall_time now = parts_.clock.wall();
    const read_outcome o = outcome_of(parts, now);
    std::string brackets;
    const std::vector<std::string_view> pieces = pieces_of(what, parts, brackets);
    if (pieces.empty())
    {
        reply none;
        none.status = 404;
        none.fields.emplace_back("Content-Type", "application/json;charset=UTF-8");
        none.body = none_found(request_id_of(parts));
        co_return answers_.write(c, std::move(none), o.word, o.status);
    }
    std::size_t bytes = 0;
    for (std::string_view piece : pieces) bytes += piece.size();
    answers_.write_head(c, bytes, o.word, o.status, now);
    for (std::string_view piece : pieces)
        while (!piece.empty())
        {
            std::string& out = c.out.text;
            const std::size_t some = std::min(piece.size(), written_at_once);
            out.append(piece.substr(0, some));
            piece.remove_prefix(some);
            if (out.size() < written_at_once) continue;
            const bool written = co_await with.write(out);
            if (!written) co_return with.break_off();
        }
}

}  // namespace callcache
