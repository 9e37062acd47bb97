// The log, on stderr: text or JSON lines.
#pragma once

#include "config/settings.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callcache
{

using log_field = std::pair<std::string_view, std::string>;

// Any thread. Whatever stands in a text or a value, a line stays a line and nothing in it reaches a terminal as a
// control sequence. No credential is ever passed here.
class log
{
public:
    virtual ~log() = default;
    virtual bool wants(log_level) const = 0;
    virtual void use(log_level) = 0;  // the least that is written from now on
    virtual void write(log_level, std::string_view text, const std::vector<log_field>& fields = {}) = 0;

    void info(std::string_view text, const std::vector<log_field>& fields = {})
    {
        write(log_level::info, text, fields);
    }
    void warn(std::string_view text, const std::vector<log_field>& fields = {})
    {
        write(log_level::warn, text, fields);
    }
    void error(std::string_view text, const std::vector<log_field>& fields = {})
    {
        write(log_level::error, text, fields);
    }
};

std::unique_ptr<log> make_log(const log_settings&);

}  // namespace callcache
