// Which steps of shedding are worth a line of the log. The level goes to and fro at each of its bounds, as single API
// calls come back: a worse one is said at once, a better one once it has been better for ten minutes.
#pragma once

#include "server/budget/shedding.hpp"

#include <optional>

namespace callcache
{

// Pure; one thread.
class shed_steps
{
public:
    static constexpr auto better_for = std::chrono::minutes(10);

    // The level to be said now, if there is one.
    std::optional<shed_level> follow(shed_level now_is, steady_time now)
    {
        if (now_is >= said_) better_since_.reset();
        if (now_is < said_ && !better_since_) better_since_ = now;
        if (now_is == said_ || (better_since_ && now - *better_since_ < better_for)) return std::nullopt;
        better_since_.reset();
        return said_ = now_is;
    }

    shed_level said() const { return said_; }

private:
    shed_level said_ = shed_level::plenty;
    std::optional<steady_time> better_since_;
};

}  // namespace callcache
