#include "server/telemetry/log.hpp"

#include "server/telemetry/line_writer.hpp"
#include "server/telemetry/log_queue.hpp"
#include "server/text/human.hpp"
#include "server/text/json_text.hpp"

#include <spdlog/pattern_formatter.h>

#include <unistd.h>

#include <atomic>
#include <mutex>

namespace callcache
{
namespace
{

spdlog::level::level_enum to_spdlog(log_level l)
{
    switch (l)
    {
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warn: return spdlog::level::warn;
    case log_level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

// A value that could be taken for more than one field is put between quotes.
std::string in_one_word(const std::string& value)
{
    if (value.find_first_of(" =\"\\") == std::string::npos) return value;
    std::string quoted = "\"";
    for (char c : value)
    {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

// In JSON the members and the brace that ends the object.
std::string joined(bool is_json, std::string_view text, const std::vector<log_field>& fields)
{
    auto put = [&](json_text& json) {
        json("msg", harmless(text));
        for (const auto& [name, value] : fields) json(name, harmless(value));
    };
    if (is_json) return json_object(put).substr(1);
    std::string line = harmless(text);
    for (const auto& [name, value] : fields)
        if (std::string shown = harmless(value); !shown.empty())
            line += "  " + std::string(name) + "=" + in_one_word(shown);
    return line;
}

// Puts the time and the level before a text, and ends the line. One thread at a time.
class line_format
{
public:
    explicit line_format(bool is_json) :
        pattern_(is_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)" : "%H:%M:%S.%e %-7l %v",
                 is_json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local)
    {}

    std::string line(log_level l, const std::string& text)
    {
        spdlog::memory_buf_t room;
        pattern_.format({"", to_spdlog(l), text}, room);
        return {room.data(), room.size()};
    }

private:
    spdlog::pattern_formatter pattern_;
};

class stderr_writer final : public log_writer
{
public:
    explicit stderr_writer(bool is_json) : is_json_(is_json), format_(is_json) {}

    bool write(std::string_view lines) override { return write_lines(STDERR_FILENO, lines); }

    std::string drop_notice(std::uint64_t lines) override
    {
        const std::string text = grouped(lines) + " lines of this log were dropped, as nobody read it";
        return format_.line(log_level::warn, joined(is_json_, text, {}));
    }

private:
    const bool is_json_;
    line_format format_;
};

class queued_log final : public log
{
public:
    queued_log(bool is_json, log_level least) :
        is_json_(is_json),
        least_(least),
        format_(is_json),
        queue_(std::make_unique<stderr_writer>(is_json))
    {}

    bool wants(log_level l) const override { return l >= least_; }
    void use(log_level l) override { least_ = l; }
    std::uint64_t dropped() const override { return queue_.dropped(); }

    void write(log_level l, std::string_view text, const std::vector<log_field>& fields) override
    {
        if (!wants(l)) return;
        const std::string line = joined(is_json_, text, fields);
        std::lock_guard lock(mutex_);  // lines stand in the order of their times
        queue_.push(format_.line(l, line));
    }

private:
    const bool is_json_;
    std::atomic<log_level> least_;
    std::mutex mutex_;
    line_format format_;
    log_queue queue_;
};

}  // namespace

std::unique_ptr<log> make_log(const log_settings& s)
{
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    const bool is_json = s.format == log_format::json || (s.format == log_format::automatic && !is_terminal);
    return std::make_unique<queued_log>(is_json, s.level);
}

}  // namespace callcache
