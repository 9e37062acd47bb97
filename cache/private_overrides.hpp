// Where the keys of a company share what is kept: of which calls a key has something of its own, which goes first.
//
// The vendor's 200 to one key is shared. What it said to one key alone is kept under that key and hides what is shared:
// a private call, a 404, and the mark of a 403. It does so until a 200 to the same key, whose call is not private,
// takes it back. Memory alone cannot know that there is nothing to hide:
//   A: 403, its mark is kept      A: the mark is evicted from memory      A: find: without this, what B may read
// and to ask the disk on every hit would cost what memory saves. So the names are all held here: read at the start,
// noted before the entry is kept, taken back by the key's own 200 alone. A name that is held here while no entry is
// found (it was evicted from the disk, or cannot be read) means that the key must ask for itself: what is not known
// hides too.
//
// Names that the vendor last spoke of `keep_max` ago are forgotten, as their rows are. A purge of a name keeps the
// marks, as it is about what is kept and not about who may read it; a purge of everything forgets them.
#pragma once

#include "cache/entry.hpp"

#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace callcache
{

struct private_override
{
    entry_key key;  // under the partition of the credential itself
    wall_time sent_at{};
};

// Any thread; short locks.
class private_overrides
{
public:
    private_overrides(std::vector<private_override> kept, duration keep_max);

    bool holds(key_view) const;

    // There is something of its own, sent for at `sent_at`.
    void note(key_view, wall_time sent_at);

    // A 200 that was sent for at `sent_at` is shared: what was sent for before it is its own no more. When that was, or
    // nothing if there is none, or a newer one.
    std::optional<wall_time> take_back(key_view, wall_time sent_at);

    void clear();
    std::size_t size() const;

private:
    mutable std::mutex mutex_;
    const duration keep_max_;
    std::unordered_map<entry_key, wall_time, key_hash, key_equal> names_;
    std::size_t full_;  // so many are looked through for old ones
};

}  // namespace callcache
