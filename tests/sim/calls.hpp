// The calls that the simulated vendor knows: made from their number, so that any number of them costs nothing.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sim
{

using callcache::wall_time;

// The call of the vendor's own documentation.
inline constexpr std::string_view example_id = "7782342274025937895";

struct call_catalogue
{
    std::uint64_t count = 1'000'000;
    wall_time newest{};                   // when call 0 started; call n started n intervals earlier
    std::chrono::seconds interval{130};   // about 20,000 calls a month
    std::uint64_t not_found_every = 200;  // of so many ids one is a 404; 0: none
    std::uint64_t missing_every = 200;    // of so many one is missing from bulk answers

    // Spreads the calls evenly over the month.
    void fill_month(wall_time first_day);

    // 19 digits, every fiftieth 20 digits: beyond 2^53 and 2^64.
    std::string id(std::uint64_t number) const;
    std::optional<std::uint64_t> number(std::string_view id) const;

    wall_time started(std::uint64_t number) const { return newest - number * interval; }
    bool is_found(std::uint64_t number) const { return not_found_every == 0 || number % not_found_every != 7; }
    bool is_in_bulk(std::uint64_t number) const { return missing_every == 0 || number % missing_every != 13; }
    static bool is_private(std::uint64_t number) { return number % 37 == 5; }

    // The call object, with explicit nulls, titles in several scripts, and times with offsets. `revision` is how often
    // it was edited. Nothing if there is no such call.
    std::optional<std::string> call(std::string_view id, unsigned revision = 0) const;
};

}  // namespace sim
