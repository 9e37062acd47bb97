// Decides whose turn is next: fair between tools, interactive before background.
//
// Each tool is a flow, and the flows take turns (round robin: every request costs one token, so this is deficit round
// robin with nothing left to count). The caller bounds the names of tools (text/tool_names). Strangers, whose
// credential the vendor has never accepted, are one flow together: names and credentials cost nothing to make up.
// Lookups with the same
// `batch_key`, one for each credential, may share a request when it is somebody's turn. A tool with thousands of
// requests delays another's single one by one turn of each tool that waits. What several tools ask for stands in the
// flow of each, and goes with whichever turn comes first.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"
#include "server/text/tool_names.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace callcache
{

// Who asks, and until when its turn has to come.
struct asking
{
    std::string tool;
    urgency how = urgency::interactive;
    std::uint64_t batch_key = 0;  // lookups with the same one may share a request; 0: it goes alone
    bool is_forwarded = false;    // a tool's own request
    steady_time until = steady_time::max();
    std::uint64_t asker = 0;   // names it; 0: nobody waits for it
    bool is_stranger = false;  // the vendor has never accepted its credential
    bool is_part = false;      // one call of a read of several, of which a hundred weigh as much as one request
};

// The flow that it takes its turns with.
inline std::string_view flow_of(const asking& a)
{
    return a.is_stranger ? other_tools : a.tool;
}

// Pure; one thread.
class fair_queue
{
public:
    using item = std::uint64_t;  // a later one has a greater number

    // At most so many of one batch key share one request.
    explicit fair_queue(std::size_t batch_max = 1) : batch_max_(batch_max) {}
    fair_queue(const fair_queue&) = delete;
    fair_queue& operator=(const fair_queue&) = delete;

    // Behind what its flow holds. One that `came_back` had its turn, and nothing came of it: it stands before what was
    // asked for later, and its flow is the next, behind others that came back. The same asker counts once.
    void add(item, const asking&, bool came_back = false);

    void remove(item);

    // One who asks leaves; the item stays for the others. True if it is gone; nullopt if it was not there.
    std::optional<bool> remove(item, const asking&);

    // Those of this batch key go alone from now on.
    void stop_batching(std::uint64_t batch_key);

    bool contains(item i) const { return present_.contains(i); }
    std::size_t size() const { return present_.size(); }
    std::size_t size(urgency how) const { return at(how).size; }

    // What counts for budget.queue_max; and the parts of reads that are here.
    std::size_t load() const { return weight(size(), parts_); }
    std::size_t parts() const { return parts_; }

    // An item, and one who asks for it.
    struct waiting_item
    {
        item what = 0;
        asking who;
    };

    // The next one of this urgency, which stays. A forwarded one only of a flow for which `may_forward` is true; a part
    // of a read only if `is_led` is false of its batch key.
    using flow_rule = std::function<bool(std::string_view flow)>;
    using key_rule = std::function<bool(std::uint64_t batch_key)>;
    std::optional<waiting_item> next(urgency, const flow_rule& may_forward = nullptr,
                                     const key_rule& is_led = nullptr) const;

    // Removes it: its flow has had its turn.
    void take(const waiting_item&);

    // The flow of who asks has no turn for the item any more: it goes with another flow's turn, if it stands in one.
    // False, and nothing changes, if it does not. Once nobody of that flow asks for it, those who ride along have their
    // own place again, the last in their flow.
    bool ride_along(const waiting_item&);

    // One who asks and whose deadline has passed; and the earliest deadline.
    std::optional<waiting_item> overdue(steady_time now) const;
    std::optional<steady_time> first_deadline() const;

    // How many requests come before the one of an item that would be added now.
    std::size_t ahead(std::string_view flow, urgency) const;

    // How many come before one that is here, at its best place.
    std::size_t ahead(item) const;

    std::size_t size_of(std::uint64_t batch_key) const
    {
        auto found = batch_keys_.find(batch_key);
        return found == batch_keys_.end() ? 0 : found->second;
    }

    // The items of this batch key, at most so many, in the order of their turns.
    std::vector<item> next_of(std::uint64_t batch_key, std::size_t count) const;

    // Visits each item, in the order of the turns, with its batch key and all who ask: visit(item, key, askings).
    // Ends when that returns false.
    template<class Visit>
    void in_order(Visit visit) const;

    // How many items the flow has here, and how many requests they need at most.
    std::size_t waiting(std::string_view flow) const;
    std::size_t requests_of(std::string_view flow) const { return requests(waiting(flow)); }

    // The newest item of the flow that weighs most, background before interactive: it goes when there are too many.
    std::optional<waiting_item> newest_of_longest() const;

    // The newest part of the flow that has most of them, likewise.
    std::optional<waiting_item> newest_part() const;

    // Every item, in no particular order.
    std::vector<item> items() const;

private:
    // An item with what next() needs to know of it: a flow may hold thousands that have to wait.
    struct standing
    {
        item what;
        std::uint64_t batch_key;
        bool is_forwarded, is_part;
    };
    using standings = std::list<standing>;
    struct flow
    {
        std::string name;
        standings items = {};
        std::size_t parts = 0;   // of them
        bool came_back = false;  // and has had no turn since
    };
    using flows = std::list<flow>;
    struct queue
    {
        flows round;  // in the order of their turns
        std::map<std::string, flows::iterator, std::less<>> by_name;
        std::size_t size = 0;  // items in all flows
    };
    struct place
    {
        urgency how;
        flows::iterator in;
        standings::iterator at;
        std::vector<asking> askers;  // one at least of this flow; the others ride along
    };
    struct presence
    {
        std::vector<place> in_flows;
        std::uint64_t batch_key = 0;
        bool is_forwarded = false, is_part = false;
    };
    static constexpr std::size_t parts_a_request = 100;
    static std::size_t weight(std::size_t items, std::size_t parts)
    {
        return items - parts + (parts + parts_a_request - 1) / parts_a_request;
    }
    using presences = std::map<item, presence>;
    using deadline = std::tuple<steady_time, item, std::uint64_t>;

    static deadline deadline_of(item i, const asking& a) { return {a.until, i, a.asker}; }
    waiting_item first_asker(item, urgency, const flow&) const;
    place* place_of(presence&, const asking&);
    place make_place(item, const asking&, bool came_back);
    void forget(presences::iterator);
    void count(std::uint64_t batch_key, int change);
    std::size_t requests(std::size_t items) const;

    const queue& at(urgency how) const { return queues_[how == urgency::interactive ? 0 : 1]; }
    queue& at(urgency how) { return queues_[how == urgency::interactive ? 0 : 1]; }
    void leave(const place&);
    std::size_t turns_before(const queue&, flows::const_iterator own, std::size_t mine) const;

    const std::size_t batch_max_;
    queue queues_[2];
    presences present_;
    std::set<deadline> deadlines_;                     // of those who have one
    std::map<std::uint64_t, std::size_t> batch_keys_;  // how many are here of each
    std::size_t alone_ = 0;                            // and of none
    std::size_t parts_ = 0;
};

template<class Visit>
void fair_queue::in_order(Visit visit) const
{
    std::set<item> seen;  // of those that stand in several flows
    std::vector<asking> askings;
    for (const queue& q : queues_)
    {
        std::vector<standings::const_iterator> heads;
        for (const flow& f : q.round) heads.push_back(f.items.begin());
        for (bool more = true; more;)
        {
            more = false;
            auto head = heads.begin();
            for (const flow& f : q.round)
            {
                auto& here = *head++;
                if (here == f.items.end()) continue;
                more = true;
                const item i = (here++)->what;
                const presence& p = present_.at(i);
                if (p.in_flows.size() > 1 && !seen.insert(i).second) continue;
                askings.clear();
                for (const place& each : p.in_flows)
                    askings.insert(askings.end(), each.askers.begin(), each.askers.end());
                if (!visit(i, p.batch_key, askings)) return;
            }
        }
    }
}

}  // namespace callcache
