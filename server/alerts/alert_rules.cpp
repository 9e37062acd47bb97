#include "server/alerts/alert_rules.hpp"

#include "server/text/human.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace callcache
{
namespace
{

struct bound
{
    alert_kind what;
    std::uint64_t percent;
};
constexpr std::array bounds{bound{alert_kind::spent_100, 100}, bound{alert_kind::spent_90, 90},
                            bound{alert_kind::spent_75, 75}};  // the highest first

constexpr std::array<std::pair<alert_kind, std::string_view>, 5> words{{{alert_kind::spent_75, "spent-75"},
                                                                        {alert_kind::spent_90, "spent-90"},
                                                                        {alert_kind::spent_100, "spent-100"},
                                                                        {alert_kind::refused, "refused"},
                                                                        {alert_kind::down, "down"}}};

bool has_reached(const alert_facts& f, std::uint64_t percent)
{
    if (f.daily == 0) return false;
    return (percent == 100 && f.left == 0) || double(f.spent) * 100 >= double(f.daily) * double(percent);
}

std::string text_of(const bound& b, const alert_facts& f, wall_time now)
{
    if (b.what == alert_kind::spent_100)
        return "all " + grouped(f.daily) + " Gong API calls of the day are spent. What is not kept is refused until " +
               clock_text(now + f.wait, now) + "; kept calls are still answered.";
    const std::string ahead = f.ends_in
                                  ? "At the pace of the last hour all of them are spent at " +
                                        minute_text(std::chrono::ceil<std::chrono::minutes>(now + *f.ends_in)) + "."
                                  : "At the pace of the last hour they last.";
    return std::to_string(b.percent) + " % of the day's Gong API calls are spent: " + grouped(f.spent) + " of " +
           grouped(f.daily) + ". " + ahead;
}

}  // namespace

std::string text_of(const alert_memory& told)
{
    std::string text;
    for (const auto& [what, word] : words)
        if (auto known = told.find(what); known != told.end())
            text += std::string(word) + " " + std::to_string(to_micros(known->second)) + "\n";
    return text;
}

alert_memory read_alert_memory(std::string_view text)
{
    alert_memory told;
    for (std::size_t at = 0; at < text.size();)
    {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        for (const auto& [what, word] : words)
        {
            if (!line.starts_with(word) || line.substr(word.size(), 1) != " ") continue;
            const std::string_view number = line.substr(word.size() + 1);
            std::int64_t micros = 0;
            auto [stop, failed] = std::from_chars(number.data(), number.data() + number.size(), micros);
            if (failed == std::errc{} && stop == number.data() + number.size()) told[what] = from_micros(micros);
        }
    }
    return told;
}

void remember(alert_memory& told, alert_kind what, wall_time at)
{
    if (what == alert_kind::back)
        told.erase(alert_kind::down);
    else
        told[what] = at;
    bool is_below = false;
    for (const bound& b : bounds)
    {
        if (is_below) told[b.what] = at;
        is_below = is_below || b.what == what;
    }
}

// A time ahead was written by a clock that was wrong: it counts for as long as one behind.
bool alert_rules::was_told(alert_kind what, wall_time now) const
{
    auto known = told_.find(what);
    return known != told_.end() && std::chrono::abs(now - known->second) < again_after;
}

std::optional<alert> alert_rules::of_the_day(const alert_facts& f, wall_time now) const
{
    for (const bound& b : bounds)
    {
        if (!has_reached(f, b.percent)) continue;
        if (was_told(b.what, now)) return std::nullopt;
        return alert{b.what, text_of(b, f, now), now};
    }
    return std::nullopt;
}

std::optional<alert> alert_rules::of_a_429(const alert_facts& f, wall_time now)
{
    const bool is_new = f.refusals > std::exchange(refusals_, f.refusals);
    const bool is_within = f.daily == 0 || f.left > 0;
    if (!is_new || !is_within || was_told(alert_kind::refused, now)) return std::nullopt;
    std::string budget = f.daily == 0 ? "" : " (" + grouped(f.spent) + " of " + grouped(f.daily) + ")";
    std::string text = "Gong answered 429 though callcache is within its budget" + budget +
                       ": something else spends the company's API calls too.";
    if (f.paused_for > duration(0))
        text += " Nothing is sent until " + clock_text(now + f.paused_for, now) + "; kept calls are still answered.";
    return alert{alert_kind::refused, text, now};
}

// After a start nobody knows whether an outage goes on: it is over once Gong has answered.
std::optional<alert> alert_rules::of_an_outage(const alert_facts& f, moment now)
{
    const auto told = told_.find(alert_kind::down);
    if (!f.is_up)
    {
        if (!down_since_) down_since_ = now;
        if (told != told_.end() || now.steady - down_since_->steady < down_for) return std::nullopt;
        return alert{alert_kind::down,
                     "Gong is down: requests have failed since " + clock_text(down_since_->wall, now.wall) +
                         ". Kept calls are still answered; what is not kept is refused.",
                     now.wall};
    }
    down_since_.reset();
    if (told == told_.end() || f.answers == 0) return std::nullopt;
    return alert{alert_kind::back,
                 "Gong answers again; that it was down was told at " + clock_text(told->second, now.wall) + ".",
                 now.wall};
}

std::vector<alert> alert_rules::look(const alert_facts& f, moment now)
{
    std::vector<alert> due;
    for (auto& found : {of_the_day(f, now.wall), of_a_429(f, now.wall), of_an_outage(f, now)})
        if (found) due.push_back(*found);
    for (const alert& a : due) remember(told_, a.what, now.wall);
    return due;
}

}  // namespace callcache
