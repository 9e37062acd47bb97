// What is logged again and again is summed up: of one text at most `lines_max` lines in each `window`, and then one
// that says how many more there were.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// Pure; one thread.
class log_limiter
{
public:
    static constexpr std::size_t lines_max = 3;
    static constexpr auto window = std::chrono::seconds(10);
    static constexpr std::size_t texts_max = 200;  // beyond it every line of a further text is written

    struct summary
    {
        std::string text;
        std::uint64_t more = 0;
    };

    // True if a line with this text is to be written now.
    bool lets_through(std::string_view text, steady_time now);

    // The windows that are over by now, and had more lines than were written. Each once.
    std::vector<summary> take_over(steady_time now);

private:
    struct burst
    {
        steady_time began;
        std::uint64_t lines = 0;
    };
    std::map<std::string, burst, std::less<>> texts_;
};

}  // namespace callcache
