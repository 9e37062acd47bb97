#include "server/budget/refusal.hpp"

#include "server/text/human.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

using reason = refusal::reason;

constexpr duration longest_wait = std::chrono::hours(366 * 24);  // beyond that a date means nothing

// "the next is free at 14:05 UTC, in 42 min"; the clock time is rounded up, as the minute has to be over.
std::string free_at(wall_time now, std::int64_t wait)
{
    wall_time then = std::chrono::ceil<std::chrono::minutes>(now + std::chrono::seconds(wait));
    return "at " + clock_text(then, now, false) + ", in " + span_text(wait);
}

std::string text_of(const refusal& r, const budget_settings& b, wall_time now, std::int64_t wait)
{
    std::string daily = grouped(b.daily);
    switch (r.why)
    {
    case reason::paused:
        return "Gong asked everyone to wait until " + clock_text(now + std::chrono::seconds(wait), now, true) + " (" +
               std::to_string(wait) + " s); kept calls are still answered";
    case reason::day_spent:
        return "all " + daily + " Gong API calls of the day are " + (r.left > 0 ? "spent or promised" : "spent") +
               "; the next is free " + free_at(now, wait) + "; kept calls are still answered";
    case reason::tool_spent:
        return r.tool + " has had its share of the day: " + grouped(r.cap) + " of " + (b.daily ? daily : "all") +
               " Gong API calls (budget.tools, budget.tool_daily_percent); its next is free " + free_at(now, wait) +
               "; kept calls are still answered";
    case reason::reserved:
        return "the last " + grouped(r.left) +
               " Gong API calls of the day are held for interactive tools "
               "(budget.interactive_reserve_percent); the next for background work is free " +
               free_at(now, wait);
    case reason::queue_full:
        return "the queue is full: " + std::to_string(r.waiting) + " requests wait for their turn at Gong" +
               (r.parts > 0 ? ", reads of " + std::to_string(r.parts) + " calls among them" : "") +
               " (budget.queue_max); kept calls are still answered";
    case reason::newcomer:
        return "Gong has never accepted this credential, and what such credentials may cost is spent "
               "(budget.newcomers); the next request is free " +
               free_at(now, wait);
    case reason::left:  // a tool that has closed its own side alone still reads
        return "the tool had closed its side of the connection, and was taken for gone (budget.linger)";
    case reason::not_ours:
        return "nothing is sent to Gong any more: the lock on the budget's ledger was removed or replaced while "
               "callcache ran, so another one may be sending; kept calls are still answered. Restart callcache";
    case reason::too_late:
        return std::string(r.allowed > duration(0) ? "its turn cannot come" : "its turn did not come") + " within " +
               std::to_string(whole_seconds(r.within)) + " s (" + std::string(r.bound) + "): about " +
               std::to_string(seconds_up(r.wait)) + " s more of queue; ask again then";
    case reason::too_long: break;
    }
    std::int64_t whole = seconds_up(r.wait);
    return "about " + std::to_string(whole) + " s of queue, limit " + std::to_string(whole_seconds(r.allowed)) +
           " s (budget.wait_max, or send \"Prefer: wait=" + std::to_string(whole + 9) + "\")";
}

}  // namespace

std::string_view short_words_of(reason r)
{
    switch (r)
    {
    case reason::paused: return "Gong asked everyone to wait";
    case reason::day_spent: return "the day's API calls are spent or promised (budget.daily)";
    case reason::tool_spent: return "it has had its share of the day (budget.tools, budget.tool_daily_percent)";
    case reason::reserved:
        return "the rest of the day is held for interactive tools (budget.interactive_reserve_percent)";
    case reason::too_long:
    case reason::too_late: return "the queue is longer than it may wait (budget.wait_max, server.answer_max)";
    case reason::queue_full: return "the queue is full (budget.queue_max)";
    case reason::newcomer: return "Gong has never accepted its credential (budget.newcomers)";
    case reason::not_ours: return "the lock on the budget's ledger is lost: restart callcache";
    case reason::left: break;
    }
    return "";
}

duration wait_of(const refusal& r)
{
    duration wait = std::min<duration>(r.wait, longest_wait);
    if (r.why == reason::too_long) wait -= std::min(wait, r.allowed);
    return wait;
}

std::string words_of(const refusal& r, const budget_settings& b, wall_time now)
{
    return text_of(r, b, now, seconds_up(wait_of(r)));
}

}  // namespace callcache
