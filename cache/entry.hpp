// One kept answer: a call, or the vendor's word that there is no such call (a negative entry).
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace callcache
{

using partition_id = std::int64_t;  // 0: none yet, so nothing is kept under it

// Where an entry stands: whose it is, and what it is of: a call id, or the target of a kept route, with its query.
struct key_view
{
    partition_id partition = 0;
    std::string_view name;

    bool operator==(const key_view&) const = default;
};

struct entry_key
{
    partition_id partition = 0;
    std::string name;

    entry_key() = default;
    explicit entry_key(key_view v) : partition(v.partition), name(v.name) {}
    operator key_view() const { return {partition, name}; }
    bool operator==(const entry_key&) const = default;
};

// For maps by key that are asked with a view.
struct key_hash
{
    using is_transparent = void;
    std::size_t operator()(key_view k) const
    {
        return std::hash<std::string_view>()(k.name) ^ std::size_t(k.partition) * 0x9e3779b97f4a7c15ull;
    }
};
struct key_equal
{
    using is_transparent = void;
    bool operator()(key_view a, key_view b) const { return a == b; }
};

// A name without its query. What changes a path changes it with every query.
constexpr std::string_view path_of(std::string_view name)
{
    return name.substr(0, name.find('?'));
}

// Which of the vendor's answers it came with.
enum class source
{
    lookup,  // to a GET of its own
    bulk,    // to a bulk read, of callcache's or of a tool's
    list,    // to a list that a tool read
};

// Immutable once it is shared: a refresh makes a new one.
struct entry
{
    std::string body;          // byte for byte what the vendor gave
    std::string content_type;  // the vendor's
    std::string etag;          // with its quotes; empty for a negative entry

    wall_time sent_at{};        // when the request for it was sent: of two answers the one sent for later is newer
    duration fresh_for{};       // from sent_at
    wall_time missing_since{};  // negative: the first of its row of 404s

    source from = source::lookup;
    bool is_negative = false;
    bool is_private = false;
    bool is_passed =
        false;  // nothing of it is kept, but that it may not be: while this is fresh, requests pass through

    wall_time fresh_until() const { return sent_at + fresh_for; }

    // What it costs to keep, in bytes: with its key, its place in the table, and what the allocator adds to each of the
    // five pieces. With 128 in place of 192 a full memory tier took a twentieth more than it may.
    std::size_t cost() const { return sizeof(entry) + body.size() + content_type.size() + etag.size() + 192; }
};

// True if it is for its own credential alone, also where a company's keys share what is kept. The database has an index
// of these rows.
inline bool is_own(const entry& e)
{
    return e.is_negative || e.is_private || e.is_passed;
}

// The vendor does not let a credential read this call: nothing is kept, and nothing passes.
inline entry forbidden_mark(wall_time sent_at)
{
    entry e;
    e.sent_at = sent_at;
    e.is_passed = true;
    return e;
}

inline bool is_mark(const entry& e)
{
    return e.is_passed && e.fresh_for == duration();
}

// True if what was sent for at `sent_at` may replace what was sent for at `kept_at`: newer means sent for later.
inline bool supersedes(wall_time sent_at, wall_time kept_at)
{
    return sent_at >= kept_at || kept_at - sent_at > clock_error_min;
}

using entry_ptr = std::shared_ptr<const entry>;

}  // namespace callcache
