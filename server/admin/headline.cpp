#include "server/admin/headline.hpp"

#include "server/text/escape.hpp"
#include "server/text/human.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t tools_shown = 3;
constexpr auto certificate_span = std::chrono::days(14);
constexpr std::uint64_t duplicates_min = 20;         // API calls of a day that are worth a word,
constexpr std::uint64_t duplicates_min_percent = 5;  // if they are this much of it

std::string spent_text(const budget_report& b)
{
    if (b.daily == 0) return grouped(b.spent) + " API calls in a day";
    return grouped(b.spent) + " of " + grouped(b.daily);
}

// Why Gong is not asked now, or empty.
std::string hindrance_text(const overview& o)
{
    const duration pause = o.upstream.spending.paused_for;
    if (o.mode == "offline") return "offline (mode): only what is kept is served";
    if (pause > duration(0))
        return "Gong asked everyone to wait until " + clock_text(o.now + pause, o.now) + " (" +
               span_text(seconds_up(pause)) + "): what is not kept waits or is refused";
    return o.upstream.is_up ? "" : "Gong is down: what is not kept is refused";
}

// Empty while Gong is not asked, as it would be a promise.
std::string forecast_text(const overview& o)
{
    const budget_report& b = o.upstream.spending;
    if (b.daily == 0) return "no limit";
    if (b.left == 0) return "all spent";
    if (!b.ends_in) return hindrance_text(o).empty() ? "lasts all day" : "";
    return "spent at " + minute_text(std::chrono::ceil<std::chrono::minutes>(o.now + *b.ends_in));
}

// Those that spent most, as a part of all that was spent.
std::string tools_text(const budget_report& b)
{
    std::vector<std::pair<std::string, std::uint64_t>> most(b.tools.begin(), b.tools.end());
    std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& c) { return a.second > c.second; });
    most.resize(std::min(most.size(), tools_shown));
    std::string text;
    for (const auto& [tool, spent] : most)
    {
        std::uint64_t percent = b.spent == 0 ? 0 : std::min<std::uint64_t>(100, (spent * 100 + b.spent / 2) / b.spent);
        if (percent > 0) text += (text.empty() ? "" : ", ") + harmless(tool) + " " + std::to_string(percent) + " %";
    }
    return text;
}

// The one that is refused most, and how many others are.
std::string refused_text(const overview& o)
{
    const refused_tools::row& most = o.refused.front();
    std::string text = harmless(most.tool) + " is refused, " + grouped(most.count) +
                       (most.count == 1 ? " time" : " times") + " since " + clock_text(most.since, o.now) + ": " +
                       most.why;
    if (o.refused.size() > 1) text += "; so are others (" + std::to_string(o.refused.size() - 1) + ")";
    return text;
}

// What gives way as the day runs out, or empty.
std::string shed_text(const overview& o)
{
    const budget_report& b = o.upstream.spending;
    switch (b.shedding)
    {
    case shed_level::plenty: break;
    case shed_level::stretched: return "what is kept is served stale rather than refreshed";
    case shed_level::interactive:
        return "the last " + grouped(b.left) +
               " API calls of the day are held for interactive tools, and background work gets none";
    case shed_level::spent:
        return "the day's API calls are spent: only what is kept is answered until " +
               clock_text(o.now + b.wait, o.now);
    }
    return "";
}

std::uint64_t sum_of(const outcome_counts& counts, std::initializer_list<outcome> words)
{
    std::uint64_t sum = 0;
    for (outcome o : words)
        if (auto found = counts.find(o); found != counts.end()) sum += found->second;
    return sum;
}

}  // namespace

std::string headline(const overview& o)
{
    const budget_report& b = o.upstream.spending;
    std::string text;
    if (b.ledger == ledger_state::not_ours)
        text = "nothing is sent to Gong, and misses are refused: the lock on the budget's ledger is lost; restart "
               "callcache · ";
    if (b.ledger == ledger_state::in_memory)
        text = "the budget's ledger cannot be written, so what is spent is counted in memory · ";
    if (auto warning = certificate_warning(o.certificate_end, o.now)) text += *warning + " · ";
    if (o.alerts && o.alerts->is_failing) text += "alerts cannot be delivered (alerts.webhook_file) · ";
    if (std::string why = hindrance_text(o); !why.empty()) text += why + " · ";
    if (!o.refused.empty()) text += refused_text(o) + " · ";
    if (std::string sheds = shed_text(o); !sheds.empty()) text += sheds + " · ";
    text += spent_text(b);
    if (std::string ahead = forecast_text(o); !ahead.empty()) text += " · " + ahead;
    if (std::string tools = tools_text(b); !tools.empty()) text += " · " + tools;
    text += " · " + grouped(sum_of(o.of_the_day, {outcome::hit, outcome::stale, outcome::negative, outcome::offline})) +
            " answered without Gong";
    return text;
}

std::optional<std::string> certificate_warning(std::optional<wall_time> end, wall_time now)
{
    if (!end || *end - now > certificate_span) return std::nullopt;
    const std::string what = "the certificate towards tools (server.tls_certificate_file) ";
    if (*end <= now) return what + "ended at " + clock_text(*end, now) + ", so tools cannot connect: renew it";
    return what + "ends in " + span_text(whole_seconds(*end - now)) + ": renew it";
}

std::vector<std::string> hints(const overview& o)
{
    std::vector<std::string> all;
    const duplicate_report& d = o.upstream.duplicates;
    bool is_much = d.today >= duplicates_min && d.today * 100 >= o.upstream.spending.spent * duplicates_min_percent;
    if (o.may_share && is_much)
        all.push_back(std::to_string(d.credentials) + " credentials fetched the same " + grouped(d.today) +
                      " calls today; credentials.share=company would have saved those API calls");
    if (o.log_lines_dropped > 0)
        all.push_back(grouped(o.log_lines_dropped) +
                      " lines of the log were dropped since the start, as nobody read it");
    return all;
}

}  // namespace callcache
