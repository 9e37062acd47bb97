// A bulk read: the lookup whose turn it is takes others of its credential along, and its answer is distributed to them.

#include "cache/trust.hpp"
#include "server/fetch/flight.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;

// A lookup's answer, made from a bulk read's. What else the vendor said was said to nobody in particular.
upstream_answer answer_of_one(const upstream_answer& bulk, std::string_view request_id, std::string_view call)
{
    upstream_answer one{200, {}, body_of_one(request_id, call)};
    for (const char* name : {"content-type", "date"})
        if (const std::string* value = bulk.find(name)) one.fields.emplace_back(name, *value);
    return one;
}

// How it ended without an answer.
bulk_end end_of(const upstream_failure& f)
{
    bool is_bulks_fault = f.what == failing::slow || f.what == failing::nonsense || f.what == failing::too_large;
    return is_bulks_fault ? bulk_end::failed : bulk_end::unknown;
}

}  // namespace

fetcher::batch::batch(bulk_reads& desk, partition& whose) : desk_(desk), whose_(whose)
{
    desk_.begins(whose_);
}

fetcher::batch::~batch()
{
    end(bulk_end::unknown, duration(0), 0, wall_time());
    for (const flight_ptr& f : others) f->rider->send({share::what::again});
}

void fetcher::batch::end(bulk_end how, duration took, std::size_t found, wall_time now)
{
    if (!std::exchange(is_over_, true)) desk_.ends(whose_, how, took, asked, found, now);
}

// Those of one number may go upstream together.
std::uint64_t fetcher::batch_key_of(const lookup& l) const
{
    bool may = is_call_id(l.id) && !l.kept_by && bulk_.is_possible(*l.whose, parts_.clock.wall());
    return may ? reinterpret_cast<std::uintptr_t>(l.whose.get()) : 0;
}

// Right before the request is written: those that go with it, or null.
std::shared_ptr<fetcher::batch> fetcher::collect_batch(flight& f)
{
    moment now = parts_.clock.now();
    std::uint64_t batch_key = f.alone ? 0 : batch_key_of(f.first);
    if (batch_key == 0) return nullptr;
    partition& whose = *f.first.whose;
    trust t = trust_at(whose.confirmed_at(), now.wall, *parts_.config);
    std::size_t waiting = gate_.spending().waiting_of(batch_key);
    duration last_turn = waiting == 0 ? duration(0) : gate_.spending().until_turn(waiting - 1, now);
    std::size_t count =
        bulk_.takes_along(whose, t == trust::good || t == trust::renew, waiting, last_turn, is_stretched());
    if (count == 0) return nullptr;
    auto along = gate_.collect_batch(batch_key, count);
    if (along.empty()) return nullptr;
    auto led = std::make_shared<batch>(bulk_, whose);
    for (budget::item i : along)
    {
        flight_ptr other = by_number_.at(i)->shared_from_this();
        other->rider.emplace(parts_.loop);
        other->queued = other->lingers = false;
        other->end->cancel();
        led->others.push_back(std::move(other));
    }
    led->asked = led->others.size() + 1;
    return led;
}

// To each its own call. What is not in the answer, and everything if there is none to be understood, needs a GET of its
// own. The lead's word is returned.
fetcher::share fetcher::distribute(flight& lead, batch& led, const upstream_result& r)
{
    partition& whose = *lead.first.whose;
    auto* answer = std::get_if<upstream_answer>(&r);
    bulk_classification j;
    if (answer)
        j = classify_bulk(*answer, bulk_kind::extensive);
    else
        j = {end_of(std::get<upstream_failure>(r)), {}, std::get<upstream_failure>(r).text};
    std::map<std::string_view, std::string_view> calls;
    for (const call_answer& c : j.found.calls) calls[c.id] = c.call;

    std::size_t found = 0;
    auto word_for = [&](flight& f) -> share {
        if (j.how == bulk_end::unknown) return {share::what::answered, r};
        auto call = calls.find(f.first.id);
        if (call == calls.end()) return {share::what::alone, {}};
        ++found;
        f.in_bulk = true;
        return {share::what::answered, answer_of_one(*answer, j.found.request_id, call->second)};
    };
    share mine = word_for(lead);
    for (const flight_ptr& f : std::exchange(led.others, {})) f->rider->send(word_for(*f));
    end_bulk(lead, led, j, found);
    if (lead.in_bulk && bulk_.wants_check(whose, parts_.clock.wall()))
        asio::post(parts_.loop, [self = shared_from_this(), l = lead.first, call = std::string(calls[lead.first.id])] {
            self->check_bulk(l, call);
        });
    return mine;
}

void fetcher::end_bulk(const flight& lead, batch& led, const bulk_classification& j, std::size_t found)
{
    partition& whose = *lead.first.whose;
    wall_time now = parts_.clock.wall();
    led.end(j.how, std::chrono::floor<duration>(lead.ended - lead.sent_steady), found, now);
    if (j.how != bulk_end::refused && j.how != bulk_end::failed) return;
    bool stopped = !bulk_.is_possible(whose, now);
    if (stopped) parts_.kept.disk().put_partition(whose.record());
    parts_.out.warn("a bulk read failed; its calls are fetched one by one",
                    {{"why", j.why},
                     {"calls", std::to_string(led.asked)},
                     {"tool", lead.first.tool},
                     {"next", stopped ? "in an hour, for this credential" : "as calls wait"}});
}

// One of the calls of a bulk read once more, by its own GET.
void fetcher::check_bulk(const lookup& l, const std::string& call)
{
    if (draining_ || flights_.contains({l.whose.get(), l.id})) return bulk_.not_checked(*l.whose);
    auto f = begin_flight(l);
    f->background = f->alone = true;
    f->compared = call;
    asio::co_spawn(parts_.loop, run(shared_from_this(), f), asio::detached);
}

void fetcher::compare(const flight& f, const upstream_result& r)
{
    partition& whose = *f.first.whose;
    auto* answer = std::get_if<upstream_answer>(&r);
    classification j = answer ? classify(*answer, f.first.id) : classification();
    if (j.what != meaning::found) return bulk_.not_checked(whose);
    bool differs = !is_same_json(j.call.call, f.compared);
    bulk_.checked(whose, differs, parts_.clock.wall());
    if (!differs) return;
    parts_.kept.disk().put_partition(whose.record());
    parts_.out.error("a bulk read and a single GET gave two different calls; there are no bulk reads for a day",
                     {{"id", f.first.id}, {"tool", f.first.tool}});
}

}  // namespace callcache
