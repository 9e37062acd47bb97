#include "server/fetch/learn.hpp"

#include "server/budget/retry_after.hpp"
#include "server/fetch/classify.hpp"

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using namespace std::chrono_literals;

// Whether the vendor would rather be asked at another host.
void hear_host(miss_path& path, const flight& f, const upstream_answer& a)
{
    own_host_signs& signs = path.host_signs;
    const origin& now = path.parts.upstream;
    const bool is_lookup = dynamic_cast<const lookup_flight*>(&f);
    if (a.status == 200) signs.hear_200();
    if (a.status == 403 && !(is_lookup && is_somebody_elses(a)) && signs.hear_403())
        path.parts.out.warn("Gong answered 403 again and again, and 200 to nothing. If the credential has the scopes "
                            "that it needs, and Gong trusts this machine's address, " +
                            own_host_hint(now));
    const std::string host = redirects_to(a, now);
    if (!host.empty() && signs.hear_redirect(host))
        path.parts.out.warn("Gong redirects to another host, which callcache does not follow. If that is your "
                            "company's API host, set it with --upstream URL or upstream.url",
                            {{"to", host}, {"upstream", now.text()}});
}

void say_step(const miss_path& path, shed_level before, shed_level step)
{
    const budget_report b = path.spending().report(path.now());
    const std::vector<log_field> figures{{"spent", std::to_string(b.spent)}, {"left", std::to_string(b.left)}};
    log& out = path.parts.out;
    if (before == shed_level::spent) out.info("API calls of the day are free again (budget.daily)", figures);
    switch (step)
    {
    case shed_level::plenty: return out.info("the day's API calls last again: nothing is held back", figures);
    case shed_level::stretched:
        return out.warn("the day's API calls end before the day at the pace of the last hour: what is kept is served "
                        "stale rather than refreshed",
                        figures);
    case shed_level::interactive:
        return out.warn("the rest of the day's API calls is held for interactive tools "
                        "(budget.interactive_reserve_percent): nothing is fetched in the background",
                        figures);
    case shed_level::spent:
        return out.warn("the day's API calls are spent (budget.daily): what is not kept is refused", figures);
    }
}

void say_pause_is_over(miss_path& path)
{
    if (auto took = path.pauses.over(path.now().steady))
        path.parts.out.info("Gong's pause is over: requests are sent again",
                            {{"took_s", std::to_string(seconds_up(std::chrono::ceil<duration>(*took)))}});
}

// For how long nothing is sent, if that is to be said: the vendor asked for it.
std::optional<duration> begin_pause(miss_path& path)
{
    const moment now = path.now();
    const duration pause = path.spending().paused_for(now);
    const bool is_news = pause > 0s && path.pauses.note(now.steady + pause, now.steady);
    if (auto then = path.pauses.next_look()) path.pause_is_over.set(*then, [&path] { say_pause_is_over(path); });
    return is_news ? std::optional(pause) : std::nullopt;
}

breaker::concerns whom_it_concerns(sign s)
{
    if (s == sign::unreachable) return breaker::concerns::everybody;
    return s == sign::odd ? breaker::concerns::itself : breaker::concerns::anybody;
}

}  // namespace

sign sign_of(const flight& f, const upstream_result& r, bool is_bulk)
{
    const bool is_forwarded = dynamic_cast<const relay_flight*>(&f);
    if (auto* failure = std::get_if<upstream_failure>(&r))
    {
        if (!is_asked(failure->what)) return sign::nothing;
        if (failure->what == failure_kind::too_large) return sign::well;
        if (failure->what == failure_kind::unreachable || failure->what == failure_kind::bad_peer)
            return sign::unreachable;
        bool may_be_its_own =
            is_bulk || failure->what == failure_kind::nonsense || (failure->what == failure_kind::slow && is_forwarded);
        return may_be_its_own ? sign::odd : sign::failed;
    }
    auto& answer = std::get<upstream_answer>(r);
    if (is_gateway_error(answer.status))
        return is_bulk || (answer.status == 504 && is_forwarded) ? sign::odd : sign::failed;
    if (is_bulk) return answer.status >= 500 ? sign::nothing : sign::well;
    bool is_odd = answer.status >= 500 || (!is_forwarded && is_somebody_elses(answer));
    return is_odd ? sign::odd : sign::well;
}

void learn_from(miss_path& path, const flight& f, const upstream_result& r, bool is_bulk)
{
    const sign says = sign_of(f, r, is_bulk);
    auto* answer = std::get_if<upstream_answer>(&r);
    if (answer && answer->status != 429) path.permits.accepted();
    if (answer && !is_bulk) hear_host(path, f, *answer);
    if (answer)
        if (const std::string* remaining = answer->find("x-ratelimit-remaining")) path.vendor_remaining = *remaining;
    if (says == sign::nothing) return;
    const moment now = path.now();
    bool was_down = path.outage.is_down();
    if (says == sign::well)
        path.outage.succeeded();
    else
        path.outage.failed({f.first.id, whom_it_concerns(says), f.last.turn_at, unavailable_for(r, now.wall)},
                           now.steady);
    hold_refreshes(path);
    stretch(path);
    if (path.outage.is_down() == was_down) return;
    path.parts.out.warn(was_down ? "Gong answers again"
                                 : "Gong is down: several requests in a row have failed. Kept calls are still "
                                   "answered, and Gong is asked again now and then",
                        {{"upstream", path.parts.upstream.text()}});
}

void hold_refreshes(miss_path& path)
{
    const steady_time now = path.now().steady;
    path.no_refresh_before = path.outage.is_down() ? now + path.outage.until_probe("", now) : steady_time();
}

duration unavailable_for(const upstream_result& r, wall_time now)
{
    auto* answer = std::get_if<upstream_answer>(&r);
    const std::string* field = answer && answer->status == 503 ? longest_retry_after(answer->fields, now) : nullptr;
    return field ? read_retry_after(*field, now).value_or(0s) : 0s;
}

void hear_429(miss_path& path, const flight& f, const std::string* retry_after)
{
    path.permits.refused(retry_after);
    if (auto pause = begin_pause(path))
        path.parts.out.warn("Gong answered 429: nothing is sent until it allows it again",
                            {{"for_s", std::to_string(seconds_up(*pause))}, {"tool", path.tool_of(f)}});
}

void resume(miss_path& path)
{
    if (path.spending().paused_for(path.now()) > 0s) path.parts.out.info("the operator ended the vendor's pause");
    path.pauses.resumed();
    path.pause_is_over.cancel();
    path.permits.resume();
}

void begin_with_the_ledger(miss_path& path)
{
    stretch(path);
    if (auto pause = begin_pause(path))
        path.parts.out.warn("Gong asked everyone to wait, before callcache was started: nothing is sent until it "
                            "allows it again",
                            {{"for_s", std::to_string(seconds_up(*pause))}});
}

void stretch(miss_path& path)
{
    const moment now = path.now();
    const shed_level level = path.spending().shedding(now);
    path.is_stretched = level != shed_level::plenty;
    const shed_level before = path.steps.said();
    if (auto step = path.steps.follow(level, now.steady)) say_step(path, before, *step);
    if (path.is_stretched || path.steps.said() != shed_level::plenty)
        path.stretch_again.set(path.now().steady + 1min, [&path] { stretch(path); });
    else
        path.stretch_again.cancel();
}

}  // namespace callcache
