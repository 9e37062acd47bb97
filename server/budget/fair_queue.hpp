// Decides whose turn is next: fair between tools, interactive before background.
//
// Each tool is a flow, by name_in(), and the flows take turns (round robin: every request costs one token, so this is
// deficit round robin with nothing left to count). Lookups of one credential may share one request when it is
// somebody's turn: `batch_key` is the number of those that may. A tool with thousands of requests delays another's
// single one by one turn of each tool that waits. What several tools ask for stands in the flow of each, and goes with
// whichever turn comes first.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// Pure; one thread.
class fair_queue
{
public:
    using item = std::uint64_t;

    // At most so many of one batch key share one request.
    explicit fair_queue(std::size_t batch_max = 1) : batch_max_(batch_max) {}
    fair_queue(const fair_queue&) = delete;
    fair_queue& operator=(const fair_queue&) = delete;

    // Behind what its flow holds, or before it if `first`, which also makes the flow the next. Nothing happens if it
    // is there already.
    void add(item, std::string_view tool, urgency, bool first = false, std::uint64_t batch_key = 0);

    void remove(item);

    // Takes it out of this flow alone; what no other flow holds is gone. True if it is gone.
    bool remove(item, std::string_view tool, urgency);

    bool contains(item i) const { return present_.contains(i); }
    std::size_t size() const { return present_.size(); }
    std::size_t size(urgency how) const { return at(how).size; }

    // An item, and the tool that it waits for.
    struct waiting_item
    {
        item what = 0;
        std::string tool;
        urgency how = urgency::interactive;
        std::uint64_t batch_key = 0;  // 0: it goes alone
    };

    // The next one of this urgency, which stays.
    std::optional<waiting_item> next(urgency) const;

    // Removes the next one: the flow has had its turn.
    void take(urgency);

    // How many requests come before the one of an item that would be added now.
    std::size_t ahead(std::string_view tool, urgency) const;

    // How many come before one that is here, at its best place.
    std::size_t ahead(item) const;

    std::size_t size_of(std::uint64_t batch_key) const
    {
        auto found = batch_keys_.find(batch_key);
        return found == batch_keys_.end() ? 0 : found->second;
    }

    // The items of this batch key, at most so many, in the order of their turns.
    std::vector<item> next_of(std::uint64_t batch_key, std::size_t count) const;

    // How many items the tool has here, and how many requests they need at most.
    std::size_t waiting(std::string_view tool) const;
    std::size_t requests_of(std::string_view tool) const { return requests(waiting(tool)); }

    // The newest item of the longest flow, background before interactive: it goes when there are too many.
    std::optional<waiting_item> newest_of_longest() const;

    // Every item, in no particular order.
    std::vector<item> items() const;

private:
    struct flow
    {
        std::string tool;
        std::list<item> items;
    };
    using flows = std::list<flow>;
    struct queue
    {
        flows round;  // in the order of their turns
        std::map<std::string, flows::iterator, std::less<>> by_tool;
        std::size_t size = 0;  // items in all flows
    };
    struct place
    {
        std::string tool;  // whose it is, also in the shared flow
        urgency how;
        flows::iterator in;
        std::list<item>::iterator at;
    };
    struct presence
    {
        std::vector<place> in_flows;
        std::uint64_t batch_key = 0;
    };
    using presences = std::map<item, presence>;
    waiting_item whose(item, urgency, const flow&) const;
    void forget(presences::iterator);
    std::size_t requests(std::size_t items) const;

    const queue& at(urgency how) const { return queues_[how == urgency::interactive ? 0 : 1]; }
    queue& at(urgency how) { return queues_[how == urgency::interactive ? 0 : 1]; }
    void leave(const place&);
    std::size_t turns_before(const queue&, flows::const_iterator own, std::size_t mine) const;

    const std::size_t batch_max_;
    queue queues_[2];
    presences present_;
    std::map<std::uint64_t, std::size_t> batch_keys_;  // how many are here of each
    std::size_t alone_ = 0;                            // and of none
};

}  // namespace callcache
