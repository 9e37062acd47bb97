// The warnings and errors that were logged last, for who looks at /stats.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

struct recent_error
{
    std::string text;  // harmless to show; with the details of the last time
    std::uint64_t count = 0;
    wall_time last{};
};

// Pure; one thread.
class recent_errors
{
public:
    static constexpr std::size_t kept_max = 50;
    static constexpr std::size_t text_max = 500;

    // `what` names it, and is the same for each that differs in its details alone.
    void note(std::string_view what, std::string_view details, wall_time now);
    std::vector<recent_error> list() const;  // the latest first

private:
    struct kept
    {
        std::string what;
        recent_error shown;
    };
    std::list<kept> latest_first_;
};

}  // namespace callcache
