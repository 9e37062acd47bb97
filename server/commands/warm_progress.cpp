#include "server/commands/warm_progress.hpp"

#include "server/text/human.hpp"

#include <cmath>

namespace callcache
{
namespace
{

constexpr int bar_width = 30;

int percent_done(const warm_state& s)
{
    return int(std::floor(100 * share_done(s)));
}

}  // namespace

std::string progress_text(const warm_state& began, const warm_state& now, duration running)
{
    std::string text = std::to_string(percent_done(now)) + " %, " + grouped(now.calls) + " calls seen, " +
                       grouped(now.api_calls) + " API calls spent";
    double done = share_done(now), in_this_run = done - share_done(began);
    if (in_this_run <= 0 || done >= 1 || running <= duration(0)) return text;
    double left = (1 - done) / in_this_run * std::chrono::duration<double>(running).count();
    return text + ", about " + span_text(seconds_up(std::chrono::duration<double>(left))) + " left";
}

std::string progress_bar(const warm_state& began, const warm_state& now, duration running)
{
    int filled = bar_width * percent_done(now) / 100;
    return "[" + std::string(std::size_t(filled), '#') + std::string(std::size_t(bar_width - filled), '-') + "] " +
           progress_text(began, now, running);
}

}  // namespace callcache
