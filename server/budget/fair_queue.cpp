#include "server/budget/fair_queue.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{

void fair_queue::add(item i, const asking& a, bool came_back)
{
    auto [known, is_new] = present_.try_emplace(i);
    presence& p = known->second;
    if (is_new)
    {
        p.batch_key = a.batch_key;
        p.is_forwarded = a.is_forwarded;
        p.is_part = a.is_part;
        parts_ += p.is_part;
        count(p.batch_key, 1);
    }
    place* here = place_of(p, a);
    if (!here)
        p.in_flows.push_back(make_place(i, a, came_back));
    else if (std::none_of(here->askers.begin(), here->askers.end(),
                          [&](const asking& each) { return each.asker == a.asker; }))
        here->askers.push_back(a);
    if (a.until != steady_time::max()) deadlines_.insert(deadline_of(i, a));
}

// Where it stands in its own flow.
fair_queue::place* fair_queue::place_of(presence& p, const asking& a)
{
    for (place& each : p.in_flows)
        if (each.how == a.how && each.in->name == flow_of(a)) return &each;
    return nullptr;
}

fair_queue::place fair_queue::make_place(item i, const asking& a, bool came_back)
{
    queue& q = at(a.how);
    const std::string name(flow_of(a));
    const presence& p = present_.at(i);
    auto known = q.by_name.find(name);
    if (known == q.by_name.end()) known = q.by_name.emplace(name, q.round.insert(q.round.end(), {name})).first;
    flows::iterator f = known->second;
    auto before = f->items.end();
    if (came_back)
    {
        before = std::find_if(f->items.begin(), f->items.end(), [&](const standing& other) { return other.what > i; });
        auto behind = std::find_if(q.round.begin(), q.round.end(), [](const flow& each) { return !each.came_back; });
        if (!std::exchange(f->came_back, true)) q.round.splice(behind, q.round, f);
    }
    ++q.size;
    f->parts += p.is_part;
    return {a.how, f, f->items.insert(before, {i, p.batch_key, p.is_forwarded, p.is_part}), {a}};
}

void fair_queue::leave(const place& p)
{
    queue& q = at(p.how);
    p.in->parts -= p.at->is_part;
    p.in->items.erase(p.at);
    --q.size;
    if (!p.in->items.empty()) return;
    q.by_name.erase(p.in->name);
    q.round.erase(p.in);
}

void fair_queue::remove(item i)
{
    auto found = present_.find(i);
    if (found == present_.end()) return;
    for (const place& p : found->second.in_flows)
    {
        for (const asking& a : p.askers) deadlines_.erase(deadline_of(i, a));
        leave(p);
    }
    forget(found);
}

void fair_queue::forget(presences::iterator gone)
{
    count(gone->second.batch_key, -1);
    parts_ -= gone->second.is_part;
    present_.erase(gone);
}

void fair_queue::count(std::uint64_t batch_key, int change)
{
    std::size_t& of = batch_key == 0 ? alone_ : batch_keys_[batch_key];
    of += std::size_t(change);
    if (batch_key != 0 && of == 0) batch_keys_.erase(batch_key);
}

std::optional<bool> fair_queue::remove(item i, const asking& who)
{
    auto found = present_.find(i);
    if (found == present_.end()) return std::nullopt;
    auto& in_flows = found->second.in_flows;
    auto is_meant = [&](const asking& a) { return a.asker == who.asker && a.tool == who.tool && a.how == who.how; };
    for (auto p = in_flows.begin(); p != in_flows.end(); ++p)
    {
        auto gone = std::find_if(p->askers.begin(), p->askers.end(), is_meant);
        if (gone == p->askers.end()) continue;
        deadlines_.erase(deadline_of(i, *gone));
        p->askers.erase(gone);
        auto is_own = [&](const asking& a) { return a.how == p->how && flow_of(a) == p->in->name; };
        if (std::any_of(p->askers.begin(), p->askers.end(), is_own)) return false;
        const std::vector<asking> riders = std::move(p->askers);
        leave(*p);
        in_flows.erase(p);
        for (const asking& a : riders) add(i, a);
        if (!found->second.in_flows.empty()) return false;
        forget(found);
        return true;
    }
    return std::nullopt;
}

bool fair_queue::ride_along(const waiting_item& w)
{
    auto& in_flows = present_.at(w.what).in_flows;
    if (in_flows.size() < 2) return false;
    auto own = std::find_if(in_flows.begin(), in_flows.end(),
                            [&](const place& p) { return p.how == w.who.how && p.in->name == flow_of(w.who); });
    place& other = own == in_flows.begin() ? in_flows.back() : in_flows.front();
    other.askers.insert(other.askers.end(), own->askers.begin(), own->askers.end());
    leave(*own);
    in_flows.erase(own);
    return true;
}

void fair_queue::stop_batching(std::uint64_t batch_key)
{
    if (size_of(batch_key) == 0) return;
    for (auto& [i, p] : present_)
    {
        if (p.batch_key != batch_key) continue;
        count(std::exchange(p.batch_key, 0), -1);
        count(0, 1);
        for (place& each : p.in_flows) each.at->batch_key = 0;
    }
}

std::optional<fair_queue::waiting_item> fair_queue::next(urgency how, const flow_rule& may_forward,
                                                         const key_rule& is_led) const
{
    for (const flow& f : at(how).round)
    {
        std::optional<bool> may;  // once it is asked
        auto has_place = [&] { return may ? *may : *(may = !may_forward || may_forward(f.name)); };
        for (const standing& s : f.items)
        {
            const bool waits = s.is_forwarded ? !has_place() : s.is_part && is_led && is_led(s.batch_key);
            if (!waits) return first_asker(s.what, how, f);
        }
    }
    return std::nullopt;
}

void fair_queue::take(const waiting_item& next)
{
    flows::iterator f = place_of(present_.at(next.what), next.who)->in;
    f->came_back = false;
    flows& round = at(next.who.how).round;
    round.splice(round.end(), round, f);
    remove(next.what);
}

std::optional<fair_queue::waiting_item> fair_queue::overdue(steady_time now) const
{
    if (deadlines_.empty() || std::get<steady_time>(*deadlines_.begin()) > now) return std::nullopt;
    auto [until, i, asker] = *deadlines_.begin();
    for (const place& p : present_.at(i).in_flows)
        for (const asking& a : p.askers)
            if (a.asker == asker && a.until == until) return waiting_item{i, a};
    return std::nullopt;
}

std::optional<steady_time> fair_queue::first_deadline() const
{
    if (deadlines_.empty()) return std::nullopt;
    return std::get<steady_time>(*deadlines_.begin());
}

// Turns of the other flows before the own flow's turn number `mine` (from 0). `own` may be none yet: it comes last.
std::size_t fair_queue::turns_before(const queue& q, flows::const_iterator own, std::size_t mine) const
{
    std::size_t sum = &q == &queues_[1] ? queues_[0].size : 0;  // background comes after everything interactive
    bool before_mine = true;                                    // in the round
    for (auto f = q.round.begin(); f != q.round.end(); ++f)
    {
        if (f == own)
            before_mine = false;
        else
            sum += std::min(f->items.size(), before_mine ? mine + 1 : mine);
    }
    return sum + mine;
}

// How many requests so many of the items need at most, as those of one batch key go together.
std::size_t fair_queue::requests(std::size_t items) const
{
    std::size_t sum = std::min(items, alone_);
    for (const auto& [batch_key, count] : batch_keys_) sum += (std::min(items, count) + batch_max_ - 1) / batch_max_;
    return std::min(items, sum);
}

std::size_t fair_queue::ahead(std::string_view flow, urgency how) const
{
    const queue& q = at(how);
    auto own = q.by_name.find(flow);
    if (own == q.by_name.end()) return requests(turns_before(q, q.round.end(), 0));
    return requests(turns_before(q, own->second, own->second->items.size()));
}

std::vector<fair_queue::item> fair_queue::next_of(std::uint64_t batch_key, std::size_t count) const
{
    std::vector<item> found;
    if (count == 0 || size_of(batch_key) == 0) return found;
    count = std::min(count, size_of(batch_key));
    in_order([&](item i, std::uint64_t key, const auto&) {
        if (key == batch_key) found.push_back(i);
        return found.size() < count;
    });
    return found;
}

std::size_t fair_queue::ahead(item i) const
{
    std::size_t least = size();
    auto found = present_.find(i);
    if (found == present_.end()) return 0;
    for (const place& p : found->second.in_flows)
    {
        auto mine = std::distance(p.in->items.begin(), p.at);
        least = std::min(least, turns_before(at(p.how), p.in, std::size_t(mine)));
    }
    return requests(least);
}

fair_queue::waiting_item fair_queue::first_asker(item i, urgency how, const flow& in) const
{
    const presence& here = present_.at(i);
    auto place = std::find_if(here.in_flows.begin(), here.in_flows.end(),
                              [&](const auto& p) { return p.how == how && &*p.in == &in; });
    auto is_own = [&](const asking& a) { return a.how == how && flow_of(a) == in.name; };
    waiting_item found{i, *std::find_if(place->askers.begin(), place->askers.end(), is_own)};
    found.who.batch_key = here.batch_key;
    return found;
}

std::size_t fair_queue::waiting(std::string_view flow) const
{
    std::size_t sum = 0;
    for (const queue& q : queues_)
        if (auto f = q.by_name.find(flow); f != q.by_name.end()) sum += f->second->items.size();
    return sum;
}

std::optional<fair_queue::waiting_item> fair_queue::newest_of_longest() const
{
    for (urgency how : {urgency::background, urgency::interactive})
    {
        const queue& q = at(how);
        auto weight_of = [](const flow& f) { return weight(f.items.size(), f.parts); };
        auto longest = std::max_element(q.round.begin(), q.round.end(),
                                        [&](const flow& a, const flow& b) { return weight_of(a) < weight_of(b); });
        if (longest != q.round.end()) return first_asker(longest->items.back().what, how, *longest);
    }
    return std::nullopt;
}

std::optional<fair_queue::waiting_item> fair_queue::newest_part() const
{
    for (urgency how : {urgency::background, urgency::interactive})
    {
        const queue& q = at(how);
        auto most = std::max_element(q.round.begin(), q.round.end(),
                                     [](const flow& a, const flow& b) { return a.parts < b.parts; });
        if (most == q.round.end() || most->parts == 0) continue;
        auto newest =
            std::find_if(most->items.rbegin(), most->items.rend(), [](const standing& s) { return s.is_part; });
        return first_asker(newest->what, how, *most);
    }
    return std::nullopt;
}

std::vector<fair_queue::item> fair_queue::items() const
{
    std::vector<item> all;
    for (const auto& [i, in_flows] : present_) all.push_back(i);
    return all;
}

}  // namespace callcache
