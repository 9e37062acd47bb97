#include "server/budget/fair_queue.hpp"

#include <algorithm>
#include <cassert>

namespace callcache
{
namespace
{

constexpr std::string_view shared_flow = "(others)";

}  // namespace

std::string_view fair_queue::flow_name(const queue& q, std::string_view tool) const
{
    bool has_own = q.by_tool.contains(tool) || q.round.size() < flows_max;
    return has_own ? tool : shared_flow;
}

void fair_queue::add(item i, std::string_view tool, urgency how, bool first)
{
    queue& q = at(how);
    std::string_view name = flow_name(q, tool);
    auto known = q.by_tool.find(name);
    std::vector<place>& places = places_[i];
    if (known != q.by_tool.end())
        for (const place& p : places)
            if (p.in == known->second) return;
    if (known == q.by_tool.end())
        known = q.by_tool.emplace(name, q.round.insert(q.round.end(), {std::string(name), {}})).first;
    flows::iterator f = known->second;
    if (first) q.round.splice(q.round.begin(), q.round, f);
    auto at = f->items.insert(first ? f->items.begin() : f->items.end(), i);
    places.push_back({how, f, at});
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
    auto found = places_.find(i);
    if (found == places_.end()) return;
    for (const place& p : found->second) leave(p);
    places_.erase(found);
}

bool fair_queue::remove(item i, std::string_view tool, urgency how)
{
    auto found = places_.find(i);
    if (found == places_.end()) return false;
    std::string_view name = flow_name(at(how), tool);
    auto& places = found->second;
    for (auto p = places.begin(); p != places.end(); ++p)
    {
        if (p->how != how || p->in->tool != name) continue;
        leave(*p);
        places.erase(p);
        break;
    }
    if (!places.empty()) return false;
    places_.erase(found);
    return true;
}

std::optional<fair_queue::waiting_item> fair_queue::next(urgency how) const
{
    const queue& q = at(how);
    if (q.round.empty()) return std::nullopt;
    return waiting_item{q.round.front().items.front(), q.round.front().tool, how};
}

void fair_queue::take(urgency how)
{
    queue& q = at(how);
    assert(!q.round.empty());
    item i = q.round.front().items.front();
    q.round.splice(q.round.end(), q.round, q.round.begin());
    remove(i);
}

std::size_t fair_queue::ahead(std::string_view tool, urgency how) const
{
    const queue& q = at(how);
    std::size_t sum = how == urgency::background ? at(urgency::interactive).size : 0;
    auto own = q.by_tool.find(flow_name(q, tool));
    std::size_t mine = own == q.by_tool.end() ? 0 : own->second->items.size();
    bool before_mine = true;  // in the round
    for (auto f = q.round.begin(); f != q.round.end(); ++f)
    {
        if (own != q.by_tool.end() && f == own->second)
            before_mine = false;
        else
            sum += std::min(f->items.size(), before_mine ? mine + 1 : mine);
    }
    return sum + mine;
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
        if (longest != q.round.end()) return waiting_item{longest->items.back(), longest->tool, how};
    }
    return std::nullopt;
}

std::vector<fair_queue::item> fair_queue::items() const
{
    std::vector<item> all;
    for (const auto& [i, places] : places_) all.push_back(i);
    return all;
}

}  // namespace callcache
