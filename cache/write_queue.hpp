// What was given to the store and is not written yet: the changes in their order, and for each key what they come to.
//
// A find looks here first, which is what makes a purge true from the moment it is queued, and a kept entry findable
// from the moment it is put:
//   A: put, queued          A: evicted from memory          B: find: without this, "not kept", and a second fetch
//   A: purge: drop queued   B: find: without this, the row that is about to go
//
// Pure; whoever shares it locks it.
#pragma once

#include "cache/entry.hpp"
#include "cache/store.hpp"

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace callcache
{

struct put_change
{
    entry_key key;
    entry_ptr kept;
    std::int64_t generation;
};
struct drop_change
{
    entry_key key;
    wall_time sent_until;
};
struct drop_name_change
{
    std::string name;
};
struct drop_view_change
{
    call_view what;
};
struct drop_all_change
{
    std::int64_t generation;
};
struct erasure_change
{
    erasure_record what;
};
struct touch_change
{
    std::vector<entry_key> keys;
    wall_time at;
};
using change = std::variant<put_change, drop_change, drop_name_change, drop_view_change, drop_all_change,
                            erasure_change, touch_change, partition_record>;

struct queued_change
{
    change what;
    store::written done;
    std::uint64_t number = 0;  // counts up
};

// Puts that stand next to each other, by their keys: so each page of the index is read and written once. Of one key the
// order stays, and so what the changes mean.
void sort_puts(std::deque<queued_change>&);

class write_queue
{
public:
    // Beyond so many bytes of entries, what is put is not kept: the disk is too slow for it.
    write_queue(std::size_t bytes_max, std::int64_t generation);

    void put(const entry_key&, entry_ptr);
    void drop(const entry_key&, wall_time sent_until);
    void drop_name(const std::string& name, store::written);
    void drop_view(call_view);
    void drop_all(store::written);
    void put_erasure(const erasure_record&, store::written);
    void touch(std::vector<entry_key>, wall_time at);
    void put_partition(const partition_record&, store::written);

    // What is queued for a key: an entry, or else a drop of what was sent for until then. Nothing if nothing is queued.
    struct state
    {
        entry_ptr kept;
        wall_time sent_until{};
        std::uint64_t number = 0;

        // True if there is no need to look at the row.
        bool settles() const { return kept || sent_until == wall_time::max(); }
    };
    std::optional<state> find(const entry_key&) const;

    // True if what is kept of this name and of its queries is about to be deleted, but for what is queued for them.
    bool is_name_dropped(const std::string& name) const { return dropped_names_.contains(name); }

    // Rows of an older generation are not there any more.
    std::int64_t generation() const { return generation_; }

    bool empty() const { return changes_.empty() && touches_.empty() && owed_.empty(); }

    // The changes, for one transaction; of the recency one chunk at a time, as everything else comes first. While
    // nothing can be written, those that were lost before can stay, however many they are, and only what is new is
    // taken. Until one of the next four is called with them, find() sees them still.
    std::deque<queued_change> take(bool also_lost = true);
    void written(const std::deque<queued_change>&);

    // There is no room for them: what is put becomes a drop of what it replaced, which must not come back. A mark that
    // hides an entry stays. What is left is still to be written.
    void forgo_puts(std::deque<queued_change>&);

    // They could not be written now, and nothing is wrong with them: back to the head of the queue.
    void put_back(std::deque<queued_change>);

    // They could not be written. The puts are forgone; the rest is not forgotten, and is taken first once that is
    // possible. When too much of it is to be remembered, everything is dropped in its place.
    void lost(std::deque<queued_change>);

private:
    std::uint64_t push(change, store::written);  // its number
    void forget(const entry_key&, std::uint64_t number);
    void forget_name(const queued_change&);
    void bound(std::deque<queued_change>&);
    void keep_last_words(std::deque<queued_change>&) const;
    void drop_all_instead(std::deque<queued_change>&);

    const std::size_t bytes_max_;
    std::int64_t generation_;
    std::deque<queued_change> changes_;
    std::deque<queued_change> touches_;
    std::deque<queued_change> owed_;  // what was lost, before everything in changes_
    std::size_t crowded_;             // so many of those that could not be written are looked through for last words
    std::unordered_map<entry_key, state, key_hash, key_equal> keys_;
    std::unordered_map<std::string, std::uint64_t> dropped_names_;
    std::uint64_t number_ = 0;
    std::size_t bytes_ = 0;  // of the entries in changes_
};

}  // namespace callcache
