#include "config/budget_share.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

settings with(double rate, std::uint64_t burst)
{
    settings s;
    s.budget.rate = rate;
    s.budget.burst = burst;
    return s;
}

}  // namespace

TEST_CASE("a share of the budget: whole ones hold in every second, others may put more into one")
{
    struct
    {
        double rate;
        std::uint64_t burst, most;
    } rows[] = {
        {3, 3, 3},   {3, 1, 3},   {2, 2, 2},   {2, 1, 2},   {1, 1, 1},        {1000, 100, 1000},  // hold
        {1.5, 1, 2}, {2.5, 1, 3}, {2.5, 2, 4}, {0.5, 1, 1}, {1.000001, 1, 2},                     // do not,
        {3, 2, 4},  // nor does a burst that divides not
    };
    for (const auto& [rate, burst, most] : rows)
    {
        CAPTURE(rate);
        CAPTURE(burst);
        CHECK(most_in_a_second(with(rate, burst).budget) == most);
        CHECK(share_warning(with(rate, burst)).has_value() == (double(most) > rate));
    }
}

TEST_CASE("a share of the budget: the warning says how many, and what to give instead; offline there is none")
{
    settings s = with(1.5, 1);
    REQUIRE(share_warning(s).has_value());
    CHECK(share_warning(s)->starts_with("budget.rate 1.5 with budget.burst 1 can put 2 requests into one second"));
    CHECK(share_warning(s)->find("whole number (1 and 2, or three times 1)") != std::string::npos);
    CHECK(share_warning(with(0.5, 1))->find("can put 1 request into one second") != std::string::npos);
    s.mode = run_mode::offline;
    CHECK_FALSE(share_warning(s).has_value());
}
