#include "server/commands/stats_text.hpp"

#include "server/text/escape.hpp"
#include "server/text/human.hpp"

#include <rapidjson/document.h>

#include <chrono>
#include <cstdio>

namespace callcache
{
namespace
{

using value = rapidjson::Value;

constexpr std::size_t errors_shown = 5, refused_shown = 5;

// What is not there is null.
const value& at(const value& v, const char* name)
{
    static const value none;
    if (!v.IsObject()) return none;
    auto found = v.FindMember(name);
    return found == v.MemberEnd() ? none : found->value;
}

const value& at(const value& v, const char* name, const char* inner)
{
    return at(at(v, name), inner);
}

std::string text(const value& v)
{
    return v.IsString() ? std::string(v.GetString(), v.GetStringLength()) : "";
}

std::string count(const value& v)
{
    return v.IsUint64() ? grouped(v.GetUint64()) : "?";
}

std::string seconds(const value& v)
{
    return v.IsNumber() ? wait_text(v.GetDouble()) : "?";
}

std::string bytes(const value& v)
{
    if (!v.IsUint64()) return "?";
    double n = double(v.GetUint64());
    const char* unit = "B";
    for (const char* larger : {"KiB", "MiB", "GiB"})
    {
        if (n < 1024) break;
        n /= 1024;
        unit = larger;
    }
    char shown[40];
    std::snprintf(shown, sizeof shown, n < 10 && *unit != 'B' ? "%.1f %s" : "%.0f %s", n, unit);
    return shown;
}

// "812 hit, 12 miss"
std::string counts(const value& v)
{
    std::string all;
    if (v.IsObject())
        for (const auto& m : v.GetObject()) all += (all.empty() ? "" : ", ") + count(m.value) + " " + text(m.name);
    return all.empty() ? "none" : all;
}

std::string kinds(const value& v)
{
    std::string all;
    if (!v.IsObject()) return all;
    for (const auto& m : v.GetObject())
        all += ", " + count(at(m.value, "requests")) + " " + text(m.name) + " (half within " +
               seconds(at(m.value, "p50_seconds")) + ", 99 % within " + seconds(at(m.value, "p99_seconds")) + ")";
    return all;
}

std::string statuses(const value& v)
{
    std::string all;
    if (v.IsObject())
        for (const auto& m : v.GetObject())
            all += (all.empty() ? "; status " : ", ") + text(m.name) + ": " + count(m.value);
    return all;
}

std::string time(const value& v)
{
    if (!v.IsInt64()) return "?";
    std::chrono::sys_seconds at{std::chrono::seconds(v.GetInt64())};
    return minute_text(std::chrono::floor<std::chrono::minutes>(at));
}

std::string error_line(const value& e)
{
    return time(at(e, "timestamp")) + " " + text(at(e, "text")) + " (" + count(at(e, "count")) + ")";
}

class page
{
public:
    void line(const std::string& title, const std::string& said)
    {
        std::string padded = title;
        if (!title.empty()) padded.resize(10, ' ');
        text_ += harmless(padded + said) + "\n";
    }

    // The first ones of a list, below each other.
    void list(const std::string& title, const value& all, std::size_t shown, std::string (*text_of)(const value&))
    {
        for (rapidjson::SizeType i = 0; all.IsArray() && i < all.Size() && i < shown; ++i)
            line(i == 0 ? title : "", (i == 0 ? "" : std::string(10, ' ')) + text_of(all[i]));
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

// "etl, 2,988 times since 14:05 UTC: the queue is full (budget.queue_max)"
std::string refused_line(const value& r)
{
    return text(at(r, "tool")) + ", " + count(at(r, "count")) + " times since " + time(at(r, "since_timestamp")) +
           ", last at " + time(at(r, "last_timestamp")) + ": " + text(at(r, "why"));
}

std::string budget_line(const value& b)
{
    std::string left =
        at(b, "left").IsUint64() ? count(at(b, "left")) + " left of the day (" + text(at(b, "day")) + "), " : "";
    std::string said = left + text(at(b, "ration")) + "; waiting: " + count(at(b, "queue", "interactive")) +
                       " interactive, " + count(at(b, "queue", "background")) + " background; a new request waits " +
                       seconds(at(b, "wait_seconds"));
    if (at(b, "ledger_ours").IsFalse())
        said += "; THE LOCK ON THE LEDGER IS LOST: nothing is sent until callcache is restarted";
    else if (at(b, "ledger_durable").IsFalse())
        said += "; THE LEDGER CANNOT BE WRITTEN: a restart forgets what was spent";
    return said;
}

std::string cache_line(const value& c)
{
    std::string said = "memory " + count(at(c, "entries", "memory")) + " answers, " + bytes(at(c, "bytes", "memory")) +
                       " of " + bytes(at(c, "memory_max"));
    const value& disk_max = at(c, "disk_max");
    if (disk_max.IsUint64() && disk_max.GetUint64() > 0)
        said += "; disk " + count(at(c, "entries", "disk")) + " answers, " + bytes(at(c, "bytes", "disk")) + " of " +
                bytes(disk_max);
    if (at(c, "writable").IsFalse()) said += "; THE DATABASE CANNOT BE WRITTEN";
    return said;
}

}  // namespace

std::optional<std::string> stats_text(std::string_view json)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (d.HasParseError() || !at(d, "headline").IsString()) return std::nullopt;
    page p;
    p.line("", text(at(d, "headline")));
    p.line("", "");
    p.list("refused", at(d, "refused"), refused_shown, refused_line);
    p.line("requests", "last hour: " + counts(at(d, "requests", "last_hour")));
    p.line("", std::string(10, ' ') + "since the start: " + counts(at(d, "requests", "total")));
    p.line("budget", budget_line(at(d, "budget")));
    const value& u = at(d, "upstream");
    const char* state = text(at(d, "mode")) == "offline" ? " is not asked (mode is offline)"
                        : at(u, "up").IsTrue()           ? " is up"
                                                         : " IS DOWN";
    p.line("upstream", text(at(u, "url")) + state + kinds(at(u, "by_kind")) + statuses(at(u, "by_status")));
    p.line("cache", cache_line(at(d, "cache")));
    const value& b = at(d, "bulk");
    if (at(b, "batches").IsUint64() && at(b, "batches").GetUint64() > 0)
        p.line("bulk", count(at(b, "batches")) + " reads brought " + count(at(b, "calls")) + " calls and saved " +
                           count(at(b, "api_calls_saved")) + " API calls");
    p.line("version",
           text(at(d, "version")) + ", " + text(at(d, "mode")) + ", since " + time(at(d, "started_timestamp")));
    if (const value& hints = at(d, "hints"); hints.IsArray())
        for (const value& hint : hints.GetArray()) p.line("hint", text(hint));
    p.list("errors", at(d, "recent_errors"), errors_shown, error_line);
    return p.take();
}

}  // namespace callcache
