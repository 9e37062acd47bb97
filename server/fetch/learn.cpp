#include "server/fetch/learn.hpp"

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using namespace std::chrono_literals;

}  // namespace

bool is_outage(const upstream_result& r, bool of_call)
{
    if (auto* failure = std::get_if<upstream_failure>(&r))
        return is_asked(failure->what) && failure->what != failing::nonsense && failure->what != failing::too_large;
    unsigned status = std::get<upstream_answer>(r).status;
    return of_call ? status >= 500 : is_gateway_error(status);
}

void learn_from(miss_path& path, const flight& f, const upstream_result& r, bool is_outage)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    if (failure && !is_asked(failure->what)) return;
    if (answer && answer->status != 429) path.permits.accepted();
    if (answer)
        if (const std::string* remaining = answer->find("x-ratelimit-remaining")) path.vendor_remaining = *remaining;
    bool was_down = path.outage.is_down();
    if (is_outage)
        path.outage.failed(f.last.turn_at, path.now().steady);
    else
        path.outage.succeeded();
    stretch(path);
    if (path.outage.is_down() == was_down) return;
    path.parts.out.warn(was_down ? "Gong answers again"
                                 : "Gong is down: several requests in a row have failed. Kept calls are still "
                                   "answered, and Gong is asked again now and then",
                        {{"upstream", path.parts.upstream.text()}});
}

void hear_429(miss_path& path, const flight& f, const std::string* retry_after)
{
    bool was_paused = path.spending().paused_for(path.now()) > 0s;
    path.permits.refused(retry_after);
    if (was_paused) return;
    path.parts.out.warn(
        "Gong answered 429: nothing is sent until it allows it again",
        {{"for_s", std::to_string(seconds_up(path.spending().paused_for(path.now())))}, {"tool", f.first.tool}});
}

void stretch(miss_path& path)
{
    path.is_stretched = path.spending().shedding(path.now()) != shed_level::plenty;
    if (path.is_stretched)
        path.stretch_again.set(path.now().steady + 1min, [&path] { stretch(path); });
    else
        path.stretch_again.cancel();
}

}  // namespace callcache
