#include "server/telemetry/log_limiter.hpp"

namespace callcache
{

bool log_limiter::lets_through(std::string_view text, steady_time now)
{
    auto known = texts_.find(text);
    if (known == texts_.end())
    {
        if (texts_.size() >= texts_max) return true;
        known = texts_.emplace(std::string(text), burst{now}).first;
    }
    return ++known->second.lines <= lines_max;
}

std::vector<log_limiter::summary> log_limiter::take_over(steady_time now)
{
    std::vector<summary> over;
    for (auto at = texts_.begin(); at != texts_.end();)
    {
        const burst& b = at->second;
        bool is_over = now - b.began >= window;
        if (is_over && b.lines > lines_max) over.push_back({at->first, b.lines - lines_max});
        at = is_over ? texts_.erase(at) : std::next(at);
    }
    return over;
}

}  // namespace callcache
