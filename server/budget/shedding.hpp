// How much load is shed as the day's budget runs out faster than the day.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace callcache
{

enum class shed_level
{
    plenty,       // everything goes upstream that has a reason to
    stretched,    // refreshes give way: stale is served within its windows, and a tool cannot force a fetch
    interactive,  // and nothing in the background goes upstream: the rest is for those who wait
    spent,        // nothing goes upstream
};

constexpr std::string_view word(shed_level r)
{
    switch (r)
    {
    case shed_level::plenty: return "plenty";
    case shed_level::stretched: return "stretched";
    case shed_level::interactive: return "interactive";
    case shed_level::spent: return "spent";
    }
    return "";
}

// `ends_in`: when the budget ends at the pace of the last hour, if that is before the day gives some back (nothing
// otherwise). `daily` 0 is plenty.
shed_level shed_level_of(std::uint64_t daily, std::uint64_t left, std::uint64_t reserve_percent,
                         std::optional<duration> ends_in);

// Of the day, what is held for interactive requests.
std::uint64_t reserve_of(std::uint64_t daily, std::uint64_t reserve_percent);

}  // namespace callcache
