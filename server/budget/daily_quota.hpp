// The day's part of the budget: how many requests may still be sent, and when the next ones may.
#pragma once

#include "cache/ledger_page.hpp"
#include "server/budget/ledger_clock.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <set>

namespace callcache
{

struct local_day
{
    wall_time begin, end;  // of 23, 24 or 25 hours
};

// The day of a zone that a time falls into. Empty: a day is any 24 hours.
using calendar = std::function<local_day(wall_time)>;

// Requests are leased before they are sent: a few at a time are written down as spent, and only when that is durable
// may they be sent. So the ledger never believes that less was spent than was, whenever the process ends; and it
// believes at most one lease too much.
//
// Pure; one thread. The steady part of `now` never goes back.
class daily_quota
{
public:
    // `daily` 0: no limit; then it only counts.
    daily_quota(std::uint64_t daily, std::uint64_t lease_max, calendar, const ledger_page& kept,
                const std::string& boot, moment now);

    // What holds from now on, also for what was spent before.
    void reconfigure(std::uint64_t daily, std::uint64_t lease_max);

    // Looks at the clocks; call it before anything else at a new time.
    void observe(moment now);

    // Sent, or given as sent, within the day that counts now.
    std::uint64_t spent(moment now) const;

    // How many may still be sent.
    std::uint64_t left(moment now) const;

    // How long until the `n`th request from now on may be sent, as far as the day is concerned, if all before it are
    // sent at once. From 1 on.
    duration wait(moment now, std::uint64_t n) const;

    // The same for many `n`, none less than the one before: the day is walked once for all of them. Good until
    // anything changes.
    class waiting_times;
    waiting_times waits(moment now) const;

    // True if a request may be sent on what is leased and durable.
    bool is_leased(moment now) const;

    // What to write for another lease, or nothing if none is needed, one is being written, or the day is spent. Then
    // call leased() once it is durable.
    std::optional<ledger_page> lease(moment now);
    void leased();

    // Another lease, if one is needed, that the ledger is told of with the next page.
    void lease_in_memory(moment now);

    // One is sent. REQUIRES: is_leased(now). Returns what give_back() asks for.
    std::int64_t take(moment now);

    // One that was taken was not sent after all.
    void give_back(std::int64_t taken);

    // What to write at a stop: the rest of the lease is returned.
    ledger_page close(moment now);

    // What to write when only other things than the count have changed.
    ledger_page page(moment now) const;

    // The same, with what has changed of the count since the last page.
    ledger_page changes(moment now);
    bool has_changes() const { return !changed_.empty(); }

    // When the day's requests will all be spent, if it goes on as in the last hour; nothing if they will not be.
    std::optional<duration> forecast(moment now) const;

    // From when on, by the ledger's clock, what was spent counts.
    wall_time counts_from(moment now) const;
    wall_time time(moment now) const { return clock_.at(now); }

    // How long until nothing that counts now still counts.
    duration until_next_day(moment now) const;

private:
    using row = ledger_page::minute;

    std::uint64_t since(wall_time from) const;
    std::uint64_t sent_since(wall_time from) const;
    wall_time day_began(moment now) const;
    local_day today(moment now) const;
    bool is_any_day(moment now) const { return clock_.at(now) < any_day_until_; }
    std::int64_t minute(moment now) const;
    void add(std::int64_t minute, std::int64_t count);
    bool begin_lease(moment now);
    void move_changes(ledger_page& to);

    std::uint64_t daily_, lease_max_;
    const calendar calendar_;
    const std::string boot_;
    ledger_clock clock_;
    std::deque<row> rows_;  // oldest first
    struct known_sum
    {
        std::int64_t first_minute = -1;
        std::uint64_t sum = 0;
    };
    mutable known_sum summed_;  // the last sum of rows_ that was asked for, until they change
    std::int64_t lease_minute_ = 0;
    std::uint64_t leased_ = 0;   // durable and not used
    std::uint64_t pending_ = 0;  // being written
    std::int64_t pending_minute_ = 0;
    std::set<std::int64_t> changed_;  // minutes to write with the next page

    // How far the wall clock is ahead of the ledger's, as it was when it was last believed, and when that was.
    duration offset_;
    wall_time offset_at_;
    wall_time any_day_until_;
};

class daily_quota::waiting_times
{
public:
    duration operator()(std::uint64_t n);

private:
    friend class daily_quota;
    explicit waiting_times(const daily_quota&);

    // What of a sliding day becomes free, and when.
    class freed
    {
    public:
        freed(const daily_quota&, moment, duration day);
        duration until(std::uint64_t n);

    private:
        const daily_quota& of_;
        wall_time time_;
        duration day_;  // with the slack
        std::uint64_t sum_, passed_ = 0;
        std::deque<row>::const_iterator next_;
    };

    const daily_quota& of_;
    std::optional<freed> sliding_;
    duration bound_ = duration::max();  // of what slides
    std::uint64_t spent_ = 0;           // of a zone's day, which ends in `turn_`
    duration turn_{};
};

}  // namespace callcache
