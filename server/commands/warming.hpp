// How `callcache warm` reads the calls of a range of time, page by page: what to ask for, and what an answer means for
// what comes next. Pure; the state is what the cursor file holds.
//
// The range is read in parts, the oldest first. The vendor's cursor is good for an hour only, and a part whose cursor
// has expired begins again; so a part is as many days long as have about twenty pages, as far as the last part tells.
#pragma once

#include "server/upstream/answer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace callcache
{

// "2026-10-01", which is its midnight in UTC, or RFC 3339.
std::optional<wall_time> parse_warm_date(std::string_view text);

struct warm_state
{
    std::string whose;       // names upstream and credential: to others other calls are shown
    std::string workspace;   // empty: all
    wall_time from{}, to{};  // the range, without its end
    wall_time part_from{}, part_to{};
    std::string cursor;  // of the part's next page; empty: its first
    std::uint64_t part_pages = 0, part_calls = 0;
    std::uint64_t part_total = 0;  // calls, by the vendor's word
    std::uint64_t calls = 0, api_calls = 0;

    bool operator==(const warm_state&) const = default;
};

// REQUIRES: from < to. In whole seconds, as the vendor is asked.
warm_state warm_beginning(wall_time from, wall_time to, std::string workspace, std::string whose);

// As a file; reading gives nothing if it is none.
std::string text_of(const warm_state&);
std::optional<warm_state> read_warm_state(std::string_view text);

// The share that has been read, from 0 to 1.
double share_done(const warm_state&);

struct warm_step
{
    enum class what
    {
        page,   // read; the state has changed, and the next one can be asked for
        again,  // the same, after the wait
        done,   // there is no next page
        stop,   // it makes no sense to go on
    };
    what next = what::page;
    std::chrono::seconds wait{0};
    std::string why;  // again, stop
};

class warming
{
public:
    explicit warming(warm_state s) : state_(std::move(s)) {}

    const warm_state& state() const { return state_; }

    // Of the next page's request to callcache.
    std::string target() const;

    // What callcache answered.
    warm_step take(const upstream_result&, wall_time now);

private:
    warm_step take_page(const upstream_answer&);
    warm_step refused_for_now(const upstream_answer&, wall_time now);
    warm_step failed(std::string why, const std::string* retry_after, wall_time now);
    warm_step cursor_expired();
    warm_step next_part();

    warm_state state_;
    unsigned failures_ = 0, refusals_ = 0;  // in a row
    unsigned expiries_ = 0;                 // of this part
    std::set<std::string> pages_;           // of this part: the ids on each
};

}  // namespace callcache
