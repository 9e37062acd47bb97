#include "server/budget/budget.hpp"

#include "server/budget/retry_after.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;
using reason = refusal::reason;

// A connection is made ready in this time; who is inside longer only stands in the way of somebody more urgent.
constexpr duration admission_lead = 500ms;

constexpr duration write_again_after = 1s;

// A ledger that does not answer for so long is late.
constexpr duration ledger_patience = 1500ms;

// A hundred parts of reads weigh as much as one request, and each of them takes memory. So no more of them wait than
// this for each of budget.queue_max.
constexpr std::size_t parts_a_place = 5, parts_max_least = 100;

// What was promised to those who wait is looked at again so often, and so soon after it has changed.
constexpr duration look_every = 1s, look_soon = 20ms;

// What a process before this one sent right before its end may still be on its way.
constexpr duration way_max = 500ms;

steady_time first_sending(const budget_settings& s, const ledger_page& kept, const std::string& boot, moment now)
{
    steady_time::duration window = sliding_window::length(s) + way_max;
    if (!kept.clean) return now.steady + window;
    if (kept.boot == boot) return std::min(kept.steady + window, now.steady + window);
    if (kept.boot.empty()) return now.steady;
    // Another run of the machine: how long it was off, the ledger's clock says.
    steady_time::duration off = ledger_clock(kept, boot, now).at(now) - kept.time;
    return now.steady + std::clamp<steady_time::duration>(window - off, 0s, window);
}

std::uint64_t lease_of(const budget_settings& s)
{
    return std::uint64_t(std::ceil(s.rate));
}

// Until its turn has to have come.
duration time_left(const asking& a, moment now)
{
    return std::max(std::chrono::floor<duration>(a.until - now.steady), duration(0));
}

request_kind kind_of(const asking& a)
{
    return a.is_forwarded ? request_kind::forwarded : request_kind::lookup;
}

}  // namespace

budget::budget(const budget_settings& s, calendar c, const ledger_page& kept, const std::string& boot, moment now,
               std::size_t batch_max) :
    settings_(s),
    day_(s.daily, lease_of(s), std::move(c), kept, boot, now),
    names_(s.tools),
    shares_(kept),
    window_(s, first_sending(s, kept, boot, now)),
    queue_(batch_max),
    batch_max_(batch_max)
{
    duration pause = std::min<duration>(kept.paused_until - day_.time(now), s.retry_after_max);
    paused_until_ = now.steady + std::max<duration>(pause, 0s);

    // The tools that the ledger knows, those that spent most first.
    std::vector<std::pair<std::uint64_t, std::string>> known;
    for (const auto& [tool, spent] : shares_.all({})) known.emplace_back(spent, tool);
    std::stable_sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [spent, tool] : known)
        if (tool != other_tools && names_.enter(tool) != tool) shares_.fold(tool);
}

// Of those that wait for nothing, the tool that has spent least of the day; of several, the one that came longest ago.
std::optional<std::string> budget::gives_way(moment now) const
{
    const wall_time since = day_.counts_from(now);
    std::optional<std::string> least;
    std::uint64_t least_spent = 0;
    for (std::string& tool : names_.replaceable())
    {
        if (queue_.waiting(tool) > 0 || inside_of(tool) > 0) continue;
        std::uint64_t spent = shares_.spent(tool, since);
        if (least && spent >= least_spent) continue;
        least = std::move(tool);
        least_spent = spent;
    }
    return least;
}

// The name under which a tool that asks now is counted. No tool gives way to a stranger.
std::string budget::enter(const asking& a, moment now)
{
    std::string name = names_.enter(a.tool);
    if (name != other_tools || a.tool == other_tools || a.is_stranger) return name;
    auto out = gives_way(now);
    if (!out) return name;
    names_.replace(*out, a.tool);
    shares_.fold(*out);
    return a.tool;
}

// The flow in which it would wait.
std::string budget::flow_for(const asking& a, moment now) const
{
    if (a.is_stranger) return std::string(other_tools);
    bool has_place = names_.has(a.tool) || names_.replaceable().size() < tool_places_max;
    return has_place || gives_way(now) ? a.tool : std::string(other_tools);
}

void budget::reconfigure(const budget_settings& s, moment now)
{
    settings_ = s;
    day_.reconfigure(s.daily, lease_of(s));
    names_.add_named(s.tools);
    window_.reconfigure(s, now.steady);
    forecast_at_.reset();
    looked_at_ = {};
}

void budget::observe(moment now)
{
    day_.observe(now);
}

duration budget::paused_for(moment now) const
{
    return std::max<duration>(std::chrono::ceil<duration>(paused_until_ - now.steady), 0s);
}

duration budget::until_turn(std::size_t others, moment now, request_kind kind) const
{
    steady_time start = std::max(now.steady, paused_until_);
    duration window = std::chrono::ceil<duration>(window_.next(start, others, kind) - now.steady);
    return std::max(window, day_.wait(now, others + 1));
}

bool budget::is_held(moment now) const
{
    return !is_ours() || paused_for(now) > admission_lead || day_.wait(now, 1) > admission_lead;
}

duration budget::expected(const asking& a, moment now) const
{
    return until_turn(inside_.size() + queue_.ahead(flow_for(a, now), a.how), now);
}

std::uint64_t budget::inside_of(const std::string& tool) const
{
    return std::uint64_t(
        std::count_if(inside_.begin(), inside_.end(), [&](const auto& i) { return i.second.tool == tool; }));
}

std::size_t budget::waiting_of(std::uint64_t batch_key) const
{
    auto is_of = [&](const auto& i) { return i.second.batch_key == batch_key; };
    return queue_.size_of(batch_key) + std::size_t(std::count_if(inside_.begin(), inside_.end(), is_of));
}

std::uint64_t budget::cap_of(const std::string& tool, moment now) const
{
    std::uint64_t cap = std::numeric_limits<std::uint64_t>::max();
    if (auto own = settings_.tools.find(tool); own != settings_.tools.end() && own->second.daily)
        cap = *own->second.daily;
    // Several tools may share that name, of which none need have spent much.
    if (tool == other_tools) return cap;
    if (settings_.daily > 0 && settings_.tool_daily_percent < 100 && shares_.several(day_.counts_from(now)))
        cap = std::min(cap, std::max<std::uint64_t>(1, reserve_of(settings_.daily, settings_.tool_daily_percent)));
    return cap;
}

// `before_it`: requests of the tool that will be sent before this one.
std::optional<refusal> budget::over_cap(const asking& a, std::uint64_t before_it, moment now) const
{
    std::uint64_t cap = cap_of(a.tool, now);
    wall_time since = day_.counts_from(now);
    if (shares_.spent(a.tool, since) + before_it < cap) return std::nullopt;
    refusal r;
    r.why = reason::tool_spent;
    r.tool = a.tool;
    r.cap = cap;
    r.left = day_.left(now);
    bool slides = settings_.day == "sliding";
    std::uint64_t reached = cap - std::min(cap - 1, before_it);
    r.wait = slides ? shares_.wait(a.tool, reached, day_.time(now), day_.time(now) - since) : day_.until_next_day(now);
    if (r.wait == duration(0)) r.wait = 1s;  // its own requests that wait are what stands before it
    return r;
}

std::optional<refusal> budget::refuses_share(const asking& a, moment now) const
{
    return over_cap(a, inside_of(a.tool), now);
}

std::optional<refusal> budget::over_reserve(const asking& a, moment now) const
{
    if (a.how == urgency::interactive || settings_.daily == 0) return std::nullopt;
    std::uint64_t reserve = reserve_of(settings_.daily, settings_.interactive_reserve_percent);
    if (day_.left(now) > reserve + inside_.size()) return std::nullopt;
    refusal r;
    r.why = reason::reserved;
    r.left = day_.left(now);
    r.wait = std::max<duration>(day_.wait(now, reserve + inside_.size() + 1), 1s);
    return r;
}

std::optional<refusal> budget::refuses(const asking& a, duration allowed, moment now) const
{
    if (auto delayed = delays(allowed, now)) return delayed;
    if (auto spent = over_cap(a, inside_of(a.tool) + queue_.requests_of(a.tool), now)) return spent;
    if (auto reserved = over_reserve(a, now)) return reserved;
    std::size_t others = inside_.size() + queue_.ahead(flow_for(a, now), a.how);
    refusal r;
    r.allowed = allowed;
    r.left = day_.left(now);
    r.wait = day_.wait(now, others + 1);
    r.why = reason::day_spent;
    if (r.wait > allowed) return r;
    r.why = reason::too_long;
    r.wait = until_turn(others, now);
    if (r.wait > allowed) return r;
    return std::nullopt;
}

std::optional<refusal> budget::refuses_to_join(item i, const asking& a, duration allowed, moment now) const
{
    if (auto delayed = delays(allowed, now)) return delayed;
    std::size_t others = inside_.size() + std::min(queue_.ahead(i), queue_.ahead(flow_for(a, now), a.how));
    refusal r;
    r.allowed = allowed;
    r.left = day_.left(now);
    r.wait = until_turn(others, now);
    if (r.wait > allowed) return r;
    return std::nullopt;
}

std::optional<refusal> budget::delays(duration allowed, moment now) const
{
    refusal r;
    r.left = day_.left(now);
    r.why = reason::not_ours;
    if (!is_ours()) return r;
    r.wait = paused_for(now);
    r.why = reason::paused;
    if (r.wait > allowed) return r;
    r.why = reason::day_spent;
    r.wait = day_.wait(now, 1);
    if (r.wait > allowed) return r;
    return std::nullopt;
}

void budget::add(item i, const asking& who, moment now, bool came_back)
{
    asking a = who;
    a.tool = enter(who, now);
    queue_.add(i, a, came_back);
    if (!came_back) return;
    look_soon_ = true;
    if (auto no = delays(time_left(a, now), now)) cannot_wait_.push_back({i, a, std::move(*no)});
}

void budget::stop_batching(std::uint64_t batch_key)
{
    queue_.stop_batching(batch_key);
    looked_at_ = {};
}

std::optional<budget::expelled> budget::leave_queue(const fair_queue::waiting_item& one, refusal why)
{
    auto gone = queue_.remove(one.what, one.who);
    if (!gone) return std::nullopt;
    return expelled{one.what, one.who, std::move(why), *gone};
}

std::optional<budget::expelled> budget::expel(moment now)
{
    observe(now);
    for (urgency how : {urgency::interactive, urgency::background})
        if (auto next = queue_.next(how); next && !is_ours())
        {
            refusal r;
            r.why = reason::not_ours;
            return leave_queue(*next, r);
        }
    if (auto late = expel_who_cannot_wait(now)) return late;
    // An item that can go inside at once does not wait.
    std::size_t admissible =
        until_admission(now) > duration(0) ? 0 : settings_.burst - std::min(settings_.burst, inside_.size());
    if (auto last = one_too_many(admissible))
    {
        refusal r;
        r.why = reason::queue_full;
        r.waiting = queue_.load() - 1;
        r.parts = queue_.parts();
        r.left = day_.left(now);
        // In this time one more has had its turn.
        r.wait = std::max<duration>(expected(last->who, now) / long(queue_.load()), 1s);
        return leave_queue(*last, r);
    }
    for (urgency how : {urgency::interactive, urgency::background})
    {
        while (auto first = next(how, now))
        {
            auto why = over_cap(first->who, inside_of(first->who.tool), now);
            if (!why) why = over_reserve(first->who, now);
            if (!why) break;
            if (!queue_.ride_along(*first)) return leave_queue(*first, *why);
        }
    }
    return std::nullopt;
}

std::optional<fair_queue::waiting_item> budget::one_too_many(std::size_t admissible) const
{
    if (queue_.load() > settings_.queue_max + admissible) return queue_.newest_of_longest();
    const std::size_t parts_max = std::max<std::size_t>(settings_.queue_max * parts_a_place, parts_max_least);
    if (queue_.parts() > parts_max + admissible * batch_max_) return queue_.newest_part();
    return std::nullopt;
}

std::optional<budget::expelled> budget::expel_who_cannot_wait(moment now)
{
    if (auto late = queue_.overdue(now.steady))
        return leave_queue(*late, too_late(late->who, expected(late->who, now), now));
    if (now.steady - looked_at_ >= (look_soon_ ? look_soon : look_every)) find_who_cannot_wait(now);
    while (!cannot_wait_.empty())
    {
        expelled one = std::move(cannot_wait_.front());
        cannot_wait_.pop_front();
        if (auto told = leave_queue({one.what, one.who}, std::move(one.why))) return told;  // else it has left since
    }
    return std::nullopt;
}

// Each that waits, in the order of the turns, with the soonest time at which its turn can come. Who cannot wait for it
// takes no turn.
void budget::find_who_cannot_wait(moment now)
{
    looked_at_ = now.steady;
    look_soon_ = false;
    const auto window = window_.soonest(std::max(now.steady, paused_until_));
    auto day = day_.waits(now);
    std::size_t requests = inside_.size();
    std::map<std::uint64_t, std::pair<duration, std::size_t>> batches;  // when each goes, and for how many more
    for (const auto& [i, who] : inside_)
        if (who.batch_key != 0) batches[who.batch_key] = {duration(0), batch_max_ - 1};
    queue_.in_order([&](item i, std::uint64_t batch_key, const std::vector<asking>& askings) {
        auto& [goes_in, room] = batches[batch_key];
        bool begins = batch_key == 0 || room == 0;
        if (begins)
        {
            duration by_window = std::chrono::ceil<duration>(window(requests) - now.steady);
            goes_in = std::max(by_window, day(requests + 1));
        }
        bool stays = false;
        for (const asking& a : askings)
            if (a.until - now.steady < goes_in)
                cannot_wait_.push_back({i, a, too_late(a, goes_in, now)});
            else
                stays = true;
        if (!stays) return true;
        room = begins ? batch_max_ - 1 : room - 1;
        requests += begins ? 1 : 0;
        return true;
    });
}

refusal budget::too_late(const asking& a, duration wait, moment now) const
{
    if (auto delayed = delays(time_left(a, now), now)) return *delayed;
    refusal r;
    r.why = reason::too_late;
    r.allowed = time_left(a, now);
    r.left = day_.left(now);
    r.wait = wait;
    return r;
}

// Until whoever enters now will find room soon.
duration budget::until_admission(moment now) const
{
    return std::max<duration>(until_turn(inside_.size(), now) - admission_lead, 0s);
}

std::optional<fair_queue::waiting_item> budget::next(urgency how, moment now) const
{
    const auto& sent = forwarded_places_.taken;
    std::size_t inside = 0, out = 0;
    for (const auto& [i, a] : inside_) inside += a.is_forwarded;
    for (const auto& [flow, count] : sent) out += count;
    auto places_of = [&](std::string_view flow) {
        auto is_of = [&](const auto& i) { return i.second.is_forwarded && flow_of(i.second) == flow; };
        auto of_flow = sent.find(flow);
        return (of_flow == sent.end() ? 0 : of_flow->second) +
               std::size_t(std::count_if(inside_.begin(), inside_.end(), is_of));
    };
    const std::size_t most = forwarded_places_.max;
    const bool has_token = inside + window_.forwarded_out(now.steady) < std::max<std::size_t>(settings_.burst - 1, 1);
    auto may_forward = [&](std::string_view flow) {
        return has_token && inside + out < most && places_of(flow) < std::max<std::size_t>(most - 1, 1);
    };
    auto is_led = [&](std::uint64_t batch_key) {
        return std::any_of(leading_.begin(), leading_.end(), [&](const auto& l) { return l.second == batch_key; });
    };
    return queue_.next(how, may_forward, is_led);
}

std::optional<budget::item> budget::admit(moment now)
{
    observe(now);
    if (!is_ours() || inside_.size() >= settings_.burst || queue_.size() == 0 || until_admission(now) > duration(0))
        return std::nullopt;
    auto first = next(urgency::interactive, now);
    if (!first) first = next(urgency::background, now);
    if (!first) return std::nullopt;
    queue_.take(*first);
    inside_[first->what] = first->who;
    if (first->who.is_part) leading_[first->what] = first->who.batch_key;
    return first->what;
}

std::optional<ledger_page> budget::to_write(moment now)
{
    observe(now);
    if (writing_since_ || !is_ours()) return std::nullopt;
    std::optional<ledger_page> page;
    if (needs_lease(now)) page = day_.lease(now);
    leasing_ = page.has_value();
    if (write_again_at_ && now.steady >= *write_again_at_) is_unwritten_ = true;
    if (!page && is_unwritten_) page = day_.changes(now);
    if (!page) return std::nullopt;
    page->paused_until = day_.time(now) + paused_for(now);
    shares_.move_changes(*page);
    is_unwritten_ = false;
    write_again_at_.reset();
    writing_since_ = now.steady;
    return page;
}

bool budget::needs_lease(moment now) const
{
    return is_ours() && !inside_.empty() && paused_for(now) == duration(0);
}

bool budget::look_at_ledger(moment now)
{
    observe(now);
    bool is_too_slow = writing_since_ && now.steady - *writing_since_ >= ledger_patience;
    bool became_late = is_too_slow && !std::exchange(is_late_, true);
    if (became_late) ledger_ = ledger_state::in_memory;
    if (became_late && std::exchange(leasing_, false)) day_.leased();
    if (is_late_ && needs_lease(now)) day_.lease_in_memory(now);
    return became_late;
}

void budget::written(ledger_state how, moment now)
{
    assert(writing_since_);
    // Late: what was leased meanwhile is written next, at once, and only then is all of it in the ledger.
    bool was_late = is_late_;
    is_late_ = was_late && now.steady - *writing_since_ >= ledger_patience;
    is_unwritten_ = is_unwritten_ || is_late_ || (was_late && day_.has_changes());
    writing_since_.reset();
    ledger_ = how == ledger_state::durable && was_late && is_unwritten_ ? ledger_state::in_memory : how;
    if (how == ledger_state::in_memory && paused_for(now) > duration(0))
        write_again_at_ = now.steady + write_again_after;
    if (std::exchange(leasing_, false)) day_.leased();
}

ledger_page budget::close(moment now)
{
    ledger_page page = day_.close(now);
    page.paused_until = day_.time(now) + paused_for(now);
    shares_.move_changes(page);
    return page;
}

bool budget::may_send(item i, moment now) const
{
    auto known = inside_.find(i);
    return known != inside_.end() && is_ours() && day_.is_leased(now) &&
           until_turn(0, now, kind_of(known->second)) == duration(0);
}

budget::grant budget::send(item i, moment now)
{
    assert(may_send(i, now));
    const request_kind kind = kind_of(inside_[i]);
    grant g{i, inside_[i], window_.take(now.steady, kind), day_.take(now)};
    inside_.erase(i);
    shares_.add(names_.find(g.who.tool), day_.time(now));  // a stranger may have lost its place meanwhile
    return g;
}

void budget::not_sent(const grant& g)
{
    window_.give_back(g.token);
    day_.give_back(g.minute);
    shares_.take_back(names_.find(g.who.tool));
}

void budget::refused(const std::string* retry_after, moment now)
{
    // Those that were on their way together are one refusal.
    bool together = now.steady < paused_until_ && refused_in_a_row_ > 0;
    unsigned before = together ? refused_in_a_row_ - 1 : refused_in_a_row_++;
    duration pause = pause_after_429(retry_after, before, settings_.retry_after_max, now.wall);
    // A Retry-After that turns out to be too short again and again is not believed.
    if (before > 0) pause = std::max(pause, pause_after_429(nullptr, before, settings_.retry_after_max, now.wall));
    steady_time until = now.steady + pause;
    if (until <= paused_until_) return;
    paused_until_ = until;
    is_unwritten_ = true;
    looked_at_ = {};
}

void budget::resume(moment now)
{
    refused_in_a_row_ = 0;
    if (paused_until_ <= now.steady) return;
    paused_until_ = now.steady;
    is_unwritten_ = true;
}

shed_level budget::shedding(moment now) const
{
    if (!forecast_at_ || now.steady - *forecast_at_ >= 1s)
    {
        forecast_at_ = now.steady;
        ends_in_ = day_.forecast(now);
    }
    return shed_level_of(settings_.daily, day_.left(now), settings_.interactive_reserve_percent, ends_in_);
}

budget_report budget::report(moment now) const
{
    budget_report r;
    r.daily = settings_.daily;
    r.spent = day_.spent(now);
    r.left = day_.left(now);
    r.shedding = shedding(now);
    r.ends_in = ends_in_;
    r.paused_for = paused_for(now);
    r.wait = expected({}, now);
    r.interactive = queue_.size(urgency::interactive);
    r.background = queue_.size(urgency::background);
    r.tools = shares_.all(day_.counts_from(now));
    r.ledger = ledger_;
    return r;
}

std::optional<duration> budget::until_change(moment now) const
{
    std::optional<duration> soonest;
    auto at = [&](duration d) {
        if (d > duration(0) && (!soonest || d < *soonest)) soonest = d;
    };
    for (request_kind kind : {request_kind::lookup, request_kind::forwarded})
        if (std::any_of(inside_.begin(), inside_.end(), [&](const auto& i) { return kind_of(i.second) == kind; }))
            at(until_turn(0, now, kind));
    if (write_again_at_) at(std::chrono::ceil<duration>(*write_again_at_ - now.steady));
    if (writing_since_) at(std::chrono::ceil<duration>(*writing_since_ + ledger_patience - now.steady));
    if (queue_.size() == 0) return soonest;
    if (inside_.size() < settings_.burst) at(until_admission(now));
    at(std::chrono::ceil<duration>(looked_at_ + (look_soon_ ? look_soon : look_every) - now.steady));
    if (auto first = queue_.first_deadline()) at(std::chrono::ceil<duration>(*first - now.steady));
    return soonest;
}

}  // namespace callcache
