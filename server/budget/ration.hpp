// How the day's budget is rationed as it runs out faster than the day.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace callcache
{

enum class ration
{
    plenty,       // everything goes upstream that has a reason to
    stretched,    // refreshes give way: stale is served within its windows, and a tool cannot force a fetch
    interactive,  // and nothing in the background goes upstream: the rest is for those who wait
    spent,        // nothing goes upstream
};

constexpr std::string_view word(ration r)
{
    switch (r)
    {
    case ration::plenty: return "plenty";
    case ration::stretched: return "stretched";
    case ration::interactive: return "interactive";
    case ration::spent: return "spent";
    }
    return "";
}

// `ends_in`: when the budget ends at the pace of the last hour, if that is before the day gives some back (nothing
// otherwise). `daily` 0 is plenty.
ration ration_of(std::uint64_t daily, std::uint64_t left, std::uint64_t reserve_percent,
                 std::optional<duration> ends_in);

// Of the day, what is held for interactive requests.
std::uint64_t reserve_of(std::uint64_t daily, std::uint64_t reserve_percent);

}  // namespace callcache
