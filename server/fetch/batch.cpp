#include "server/fetch/batch.hpp"

#include "cache/trust.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/send.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

constexpr std::size_t lost_alone_max = 8;  // calls of a bulk read that was lost

// A lookup's answer, made from a bulk read's. What else the vendor said was said to nobody in particular.
upstream_answer answer_of_one(const upstream_answer& bulk, std::string_view request_id, std::string_view call)
{
    upstream_answer one{200, {}, body_of_one(request_id, call)};
    for (const char* name : {"content-type", "date"})
        if (const std::string* value = bulk.find(name)) one.fields.emplace_back(name, *value);
    return one;
}

std::uint64_t key_of(const partition& whose)
{
    return reinterpret_cast<std::uintptr_t>(&whose);
}

bulk_classification classify_result(const upstream_result& r)
{
    if (auto* answer = std::get_if<upstream_answer>(&r)) return classify_bulk(*answer, bulk_kind::extensive);
    auto& f = std::get<upstream_failure>(r);
    if (f.what == failure_kind::too_large) return {bulk_end::spoiled, {}, f.text};  // half of them may fit
    bool is_bulks_fault = f.what == failure_kind::slow || f.what == failure_kind::nonsense;
    return {is_bulks_fault ? bulk_end::failed : bulk_end::unknown, {}, f.text};
}

// One of the calls of a bulk read once more, by its own GET.
void begin_check(miss_path& path, const lookup& l, std::string call)
{
    if (path.draining || path.flights.contains(l.whose.get(), l.id)) return path.bulk.not_checked(*l.whose);
    begin_lookup(path, l, lookup_flight::purpose::check)->expected = std::move(call);
}

std::size_t most_followers(const miss_path& path, const lookup_flight& leader, std::uint64_t batch_key)
{
    if (leader.first.read)
        return std::min(path.read_sizes.most(leader.first.read->what), path.config().bulk.ids_max) - 1;
    const partition& whose = *leader.first.whose;
    const trust t = path.trust_of(whose);
    std::size_t waiting = path.spending().waiting_of(batch_key);
    duration last_turn = waiting == 0 ? duration(0) : path.spending().until_turn(waiting - 1, path.now());
    return path.bulk.takes_along(whose, t == trust::good || t == trust::renew, waiting, last_turn, path.is_stretched);
}

}  // namespace

batch::batch(miss_path& path, lookup_flight& leader, std::vector<lookup_flight_ptr> followers) :
    path_(path),
    leader_(leader),
    whose_(*leader.first.whose),
    followers_(std::move(followers)),
    asked_(followers_.size() + 1)
{
    if (!leader_.first.read) path_.bulk.begins(whose_);
}

batch::~batch()
{
    if (!is_over_ && !leader_.first.read)
        path_.bulk.ends(whose_, bulk_end::unknown, duration(0), asked_, 0, wall_time());
    for (const lookup_flight_ptr& f : followers_) std::get<riding>(f->state).hears.send({share::what::again});
}

std::vector<std::string> batch::ids() const
{
    std::vector<std::string> ids;
    for (const lookup_flight* f : all()) ids.emplace_back(path_of(f->first.id));
    return ids;
}

void batch::note_sending()
{
    for (const lookup_flight_ptr& f : followers_)
    {
        steady_time own_turn = f->last.turn_at;
        f->last = leader_.last;
        f->last.turn_at = own_turn;
    }
}

share batch::distribute(const upstream_result& r)
{
    const bulk_classification c = classify_result(r);
    // Lost, or 502 to 504: an outage, or one of the calls has it so. Each that goes alone finds out.
    const bool is_lost = c.how == bulk_end::unknown;
    const bool is_halved = (c.how == bulk_end::spoiled && asked_ > 2) || (is_lost && asked_ > lost_alone_max);
    std::map<std::string_view, std::string_view> calls;
    for (const call_answer& call : c.found.calls) calls[call.id] = call.call;
    std::size_t found = 0;
    auto share_of = [&](lookup_flight& f) -> share {
        if (c.how == bulk_end::spoiled || is_halved) f.batch_max = (asked_ + 1) / 2;
        if (is_halved) return {share::what::again};
        auto call = calls.find(f.first.id);
        if (call == calls.end()) return {share::what::alone};
        ++found;
        f.in_bulk = true;
        return {share::what::answered, answer_of_one(std::get<upstream_answer>(r), c.found.request_id, call->second)};
    };
    share mine = share_of(leader_);
    for (const lookup_flight_ptr& f : std::exchange(followers_, {}))
        std::get<riding>(f->state).hears.send(share_of(*f));
    end(c.how, c.why, found);
    if (leader_.in_bulk && path_.bulk.claims_check(whose_, path_.now().wall))
        asio::post(path_.parts.loop, [path = path_.shared_from_this(), l = leader_.first,
                                      call = std::string(calls[leader_.first.id])] { begin_check(*path, l, call); });
    return mine;
}

void batch::end(bulk_end how, const std::string& why, std::size_t found)
{
    is_over_ = true;
    const wall_time now = path_.now().wall;
    const auto took = std::chrono::floor<duration>(leader_.last.ended - leader_.last.sent_steady);
    path_.bulk.ends(whose_, how, took, asked_, found, now);
    if (how == bulk_end::read || how == bulk_end::unknown) return;
    bool stopped = !path_.bulk.is_possible(whose_, now);
    if (stopped)
    {
        path_.parts.kept.disk().put_partition(whose_.record());
        path_.permits.stop_batching(key_of(whose_));
    }
    bool is_halved = how == bulk_end::spoiled && asked_ > 2;
    path_.parts.out.warn(is_halved ? "a bulk read failed, maybe for one of its calls; they go again in smaller ones"
                                   : "a bulk read failed; its calls are fetched one by one",
                         {{"why", why},
                          {"calls", std::to_string(asked_)},
                          {"tool", path_.tool_of(leader_)},
                          {"next", stopped ? "in an hour, for this credential" : "when calls wait again"}});
}

std::uint64_t batch_key_of(const miss_path& path, const lookup_flight& f)
{
    const lookup& l = f.first;
    if (f.group) return reinterpret_cast<std::uintptr_t>(f.group.get());
    bool may = !f.alone && is_call_id(l.id) && !l.kept_by && path.bulk.is_possible(*l.whose, path.now().wall);
    return may ? key_of(*l.whose) : 0;
}

std::unique_ptr<batch> collect_batch(miss_path& path, lookup_flight& leader)
{
    const std::uint64_t batch_key = batch_key_of(path, leader);
    if (batch_key == 0) return nullptr;
    std::size_t count = most_followers(path, leader, batch_key);
    std::vector<lookup_flight_ptr> followers;
    for (fair_queue::item i : path.permits.collect_batch(batch_key, std::min(count, leader.batch_max - 1)))
    {
        auto f = std::static_pointer_cast<lookup_flight>(path.flights.at(i)->shared_from_this());
        f->state = riding{mailbox<share>(path.parts.loop)};
        followers.push_back(std::move(f));
    }
    if (followers.empty() && !leader.first.read) return nullptr;
    return std::make_unique<batch>(path, leader, std::move(followers));
}

void note_single(miss_path& path, const lookup_flight& f, const upstream_result& r)
{
    auto* answer = std::get_if<upstream_answer>(&r);
    bool is_no = answer && answer->status >= 400 && answer->status != 429 && !is_gateway_error(answer->status);
    if (f.batch_max == 1 && is_no) path.bulk.explained(*f.first.whose);
}

void compare(miss_path& path, const lookup_flight& check, const upstream_answer* answer)
{
    partition& whose = *check.first.whose;
    classification c = answer ? classify(*answer, check.first.id) : classification();
    if (c.what != meaning::found) return path.bulk.not_checked(whose);
    bool differs = !is_same_json(c.call.call, check.expected);
    path.bulk.checked(whose, differs, path.now().wall);
    if (!differs) return;
    path.permits.stop_batching(key_of(whose));
    path.parts.kept.disk().put_partition(whose.record());
    path.parts.out.error("a bulk read and a single GET gave two different calls; there are no bulk reads for a day",
                         {{"id", check.first.id}, {"tool", path.tool_of(check)}});
}

}  // namespace callcache
