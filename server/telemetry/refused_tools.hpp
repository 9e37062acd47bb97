// Which tools the budget says no to, and why: a line of the log when that begins, sums while it goes on, and a line
// when it is over. The operator's headline tells what is going on now.
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
    static constexpr auto current_for = std::chrono::minutes(1);  // without a refusal
    static constexpr auto over_after = std::chrono::minutes(10);  // likewise: a tool may ask every few minutes
    static constexpr auto first_sum_after = std::chrono::minutes(1), summed_up_every = std::chrono::minutes(10);
    static constexpr std::size_t rows_max = 200;  // further tools are one, other_tools
    static constexpr std::size_t strange_rows_max = 20;

    struct refused
    {
        std::string_view tool;
        std::string_view why;     // in few words, which are the same each time
        bool is_strange = false;  // the tool's name may be made up: such names get few of the rows
    };

    // A tool was told no. Returns a line for the log if that begins.
    std::optional<std::string> note(const refused&, moment now);

    // Now and then: lines for the log. Those of one row have the same text each time, and a `what` of their own.
    struct line
    {
        std::string text, what;
    };
    struct lines
    {
        std::vector<line> go_on, ended;
    };
    lines look(moment now);

    struct row
    {
        std::string tool;
        std::string why;
        std::uint64_t count = 0;
        wall_time since{}, last{};
    };
    // What goes on now, the most often refused first.
    std::vector<row> current(steady_time now) const;

private:
    struct going_on
    {
        moment since, last;
        bool is_strange = false;
        std::uint64_t count = 0, summed_up = 0;  // in all, and in sums that were logged
        steady_time sum_began{}, next_sum{};
    };
    using key = std::pair<std::string, std::string>;  // tool and why

    bool has_room(bool is_strange) const;

    mutable std::mutex mutex_;
    std::map<key, going_on> rows_;
    std::size_t strange_rows_ = 0;
};

}  // namespace callcache
