#include "server/budget/fair_queue.hpp"

#include "server/text/tool_names.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace callcache
{
void fair_queue::add(item i, std::string_view tool, urgency how, bool first, std::uint64_t batch_key)
{
    queue& q = at(how);
    std::string_view name = name_in(q.by_tool, tool);
    auto known = q.by_tool.find(name);
    bool is_new = !present_.contains(i);
    std::vector<place>& in_flows = present_[i].in_flows;
    if (is_new)
    {
        present_[i].batch_key = batch_key;
        ++(batch_key == 0 ? alone_ : batch_keys_[batch_key]);
    }
    if (known != q.by_tool.end())
        for (const place& p : in_flows)
            if (p.in == known->second) return;
    if (known == q.by_tool.end())
        known = q.by_tool.emplace(name, q.round.insert(q.round.end(), {std::string(name), {}})).first;
    flows::iterator f = known->second;
    if (first) q.round.splice(q.round.begin(), q.round, f);
    auto at = f->items.insert(first ? f->items.begin() : f->items.end(), i);
    in_flows.push_back({std::string(tool), how, f, at});
    ++q.size;
}

void fair_queue::leave(const place& p)
{
    queue& q = at(p.how);
    p.in->items.erase(p.at);
    --q.size;
    if (!p.in->items.empty()) return;
    q.by_tool.erase(p.in->tool);
    q.round.erase(p.in);
}

void fair_queue::remove(item i)
{
    auto found = present_.find(i);
    if (found == present_.end()) return;
    for (const place& p : found->second.in_flows) leave(p);
    forget(found);
}

void fair_queue::forget(presences::iterator gone)
{
    std::uint64_t batch_key = gone->second.batch_key;
    if (batch_key == 0)
        --alone_;
    else if (--batch_keys_[batch_key] == 0)
        batch_keys_.erase(batch_key);
    present_.erase(gone);
}

bool fair_queue::remove(item i, std::string_view tool, urgency how)
{
    auto found = present_.find(i);
    if (found == present_.end()) return false;
    auto& in_flows = found->second.in_flows;
    for (auto p = in_flows.begin(); p != in_flows.end(); ++p)
    {
        if (p->how != how || p->tool != tool) continue;
        leave(*p);
        in_flows.erase(p);
        break;
    }
    if (!in_flows.empty()) return false;
    forget(found);
    return true;
}

std::optional<fair_queue::waiting_item> fair_queue::next(urgency how) const
{
    const queue& q = at(how);
    if (q.round.empty()) return std::nullopt;
    return whose(q.round.front().items.front(), how, q.round.front());
}

void fair_queue::take(urgency how)
{
    queue& q = at(how);
    assert(!q.round.empty());
    item i = q.round.front().items.front();
    q.round.splice(q.round.end(), q.round, q.round.begin());
    remove(i);
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

// So many of the items that are here need at most so many requests: those of one batch key go together.
std::size_t fair_queue::requests(std::size_t items) const
{
    std::size_t sum = std::min(items, alone_);
    for (const auto& [batch_key, count] : batch_keys_) sum += (std::min(items, count) + batch_max_ - 1) / batch_max_;
    return std::min(items, sum);
}

std::size_t fair_queue::ahead(std::string_view tool, urgency how) const
{
    const queue& q = at(how);
    auto own = q.by_tool.find(name_in(q.by_tool, tool));
    if (own == q.by_tool.end()) return requests(turns_before(q, q.round.end(), 0));
    return requests(turns_before(q, own->second, own->second->items.size()));
}

std::vector<fair_queue::item> fair_queue::next_of(std::uint64_t batch_key, std::size_t count) const
{
    std::vector<item> found;
    auto take = [&](item i) {
        bool wanted = present_.at(i).batch_key == batch_key && found.size() < count;
        bool is_known = wanted && std::find(found.begin(), found.end(), i) != found.end();  // from another flow
        if (wanted && !is_known) found.push_back(i);
    };
    for (const queue& q : queues_)
    {
        std::vector<std::list<item>::const_iterator> at;
        for (const flow& f : q.round) at.push_back(f.items.begin());
        for (bool more = true; std::exchange(more, false) && found.size() < count;)
        {
            auto next = at.begin();
            for (const flow& f : q.round)
            {
                auto& here = *next++;
                if (here == f.items.end()) continue;
                take(*here++);
                more = true;
            }
        }
    }
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

fair_queue::waiting_item fair_queue::whose(item i, urgency how, const flow& in) const
{
    const presence& here = present_.at(i);
    for (const place& p : here.in_flows)
        if (p.how == how && &*p.in == &in) return {i, p.tool, how, here.batch_key};
    return {i, in.tool, how, here.batch_key};
}

std::size_t fair_queue::waiting(std::string_view tool) const
{
    std::size_t sum = 0;
    for (const queue& q : queues_)
        if (auto f = q.by_tool.find(tool); f != q.by_tool.end()) sum += f->second->items.size();
    return sum;
}

std::optional<fair_queue::waiting_item> fair_queue::newest_of_longest() const
{
    for (urgency how : {urgency::background, urgency::interactive})
    {
        const queue& q = at(how);
        auto longest = std::max_element(q.round.begin(), q.round.end(),
                                        [](const flow& a, const flow& b) { return a.items.size() < b.items.size(); });
        if (longest != q.round.end()) return whose(longest->items.back(), how, *longest);
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
