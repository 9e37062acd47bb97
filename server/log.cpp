#include "server/log.hpp"

#include "server/visible.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

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

class spdlog_log final : public log
{
public:
    explicit spdlog_log(const log_settings& s) :
        json_(s.format == log_format::json || (s.format == log_format::automatic && !isatty(STDERR_FILENO))),
        logger_("callcache", std::make_shared<spdlog::sinks::stderr_sink_mt>())
    {
        logger_.set_level(to_spdlog(s.level));
        logger_.set_pattern(json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%H:%M:%S.%e %-7l %v",
                            json_ ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
    }

    bool wants(log_level l) const override { return logger_.should_log(to_spdlog(l)); }
    void use(log_level l) override { logger_.set_level(to_spdlog(l)); }

    void write(log_level l, std::string_view text, const std::vector<log_field>& fields) override
    {
        if (!wants(l)) return;
        std::string line = json_ ? "\"msg\":\"" + json_escaped(harmless(text)) + "\"" : harmless(text);
        for (const auto& [name, value] : fields)
        {
            std::string shown = harmless(value);
            if (json_)
                line += ",\"" + std::string(name) + "\":\"" + json_escaped(shown) + "\"";
            else if (!shown.empty())
                line += "  " + std::string(name) + "=" + in_one_word(shown);
        }
        logger_.log(to_spdlog(l), spdlog::string_view_t(line.data(), line.size()));
    }

private:
    const bool json_;
    spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<log> make_log(const log_settings& s)
{
    return std::make_unique<spdlog_log>(s);
}

}  // namespace callcache
