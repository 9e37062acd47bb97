#include "server/telemetry/log_watch.hpp"

#include "server/text/human.hpp"

namespace callcache
{
namespace
{

// What differs from one to the next, and is worth to be shown.
std::string_view details_of(const std::vector<log_field>& fields)
{
    for (const auto& [name, value] : fields)
        if (name == "why" || name == "what") return value;
    return {};
}

}  // namespace

void log_watch::write(log_level level, std::string_view text, const std::vector<log_field>& fields)
{
    if (level != log_level::warn && level != log_level::error) return behind_.write(level, text, fields);
    moment now = clock_.now();
    bool is_written;
    std::vector<log_limiter::summary> over;
    {
        std::lock_guard lock(mutex_);
        ++(level == log_level::warn ? warnings_ : errors_);
        recent_.note(text, details_of(fields), now.wall);
        over = limiter_.take_over(now.steady);
        is_written = limiter_.lets_through(text, now.steady);
    }
    write_summaries(over);
    if (is_written) behind_.write(level, text, fields);
}

void log_watch::look()
{
    look(clock_.steady());
}

void log_watch::finish()
{
    look(steady_time::max());
}

void log_watch::look(steady_time now)
{
    std::vector<log_limiter::summary> over;
    {
        std::lock_guard lock(mutex_);
        over = limiter_.take_over(now);
    }
    write_summaries(over);
}

void log_watch::write_summaries(const std::vector<log_limiter::summary>& over)
{
    for (const log_limiter::summary& s : over)
        behind_.warn("and " + grouped(s.more) + " more of these in " + std::to_string(log_limiter::window.count()) +
                         " s",
                     {{"line", s.text}});
}

log_watch::report log_watch::current() const
{
    std::lock_guard lock(mutex_);
    return {warnings_, errors_, dropped(), recent_.list()};
}

}  // namespace callcache
