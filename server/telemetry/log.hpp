// The log, on stderr: text or JSON lines.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callcache
{

using log_field = std::pair<std::string_view, std::string>;

// Any thread, and none waits until a line is written. Whatever stands in a text or a value, a line stays a line and
// nothing in it reaches a terminal as a control sequence. No credential is ever passed here.
class log
{
public:
    virtual ~log() = default;
    virtual bool wants(log_level) const = 0;
    virtual void use(log_level) = 0;  // the least that is written from now on
    virtual void write(log_level, std::string_view text, const std::vector<log_field>& fields = {}) = 0;
    virtual std::uint64_t dropped() const { return 0; }  // lines that were not written, as nobody read them

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

// A thread of its own writes the lines. Its end waits until they are written, but no longer than a second.
std::unique_ptr<log> make_log(const log_settings&);

}  // namespace callcache
