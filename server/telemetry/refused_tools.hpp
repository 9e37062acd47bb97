// Which tools the budget says no to, and why: a line of the log when that begins, a sum every ten minutes while it goes
// on, and a line when it has ended. The operator's headline tells what is going on now.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callcache
{

// Any thread; a short lock for each refusal. Times are the caller's.
class refused_tools
{
public:
    static constexpr auto over_after = std::chrono::minutes(1);  // without a refusal
    static constexpr auto summed_up_every = std::chrono::minutes(10);
    static constexpr std::size_t rows_max = 200;  // further tools are one, other_tools

    // A tool was told no. `why`: in few words, which are the same each time. Returns a line for the log if that begins.
    std::optional<std::string> note(const std::string& tool, std::string_view why, moment now);

    // Now and then: lines for the log.
    struct lines
    {
        std::vector<std::string> go_on, ended;
    };
    lines look(moment now);

    struct row
    {
        std::string tool;
        std::string why;
        std::uint64_t count = 0;
        wall_time since{}, last{};
    };
    // What goes on, the most often refused first. What has ended is in it until the next look().
    std::vector<row> current() const;

private:
    struct going_on
    {
        moment since, last;
        std::uint64_t count = 0, summed_up = 0;  // in all, and in sums that were logged
        steady_time summed_up_at{};
    };

    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, going_on> rows_;  // by tool and why
};

}  // namespace callcache
