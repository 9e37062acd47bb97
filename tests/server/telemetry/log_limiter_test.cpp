#include "server/telemetry/log_limiter.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const steady_time t0{};

std::size_t let_through(log_limiter& b, std::string_view text, std::size_t count, steady_time at)
{
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += b.lets_through(text, at);
    return sum;
}

}  // namespace

TEST_CASE("log limiter: the first lines of a text are written, and the rest of ten seconds is one line")
{
    log_limiter b;
    CHECK(let_through(b, "it failed", 1000, t0) == log_limiter::lines_max);
    CHECK(let_through(b, "it failed", 234, t0 + 9s) == 0);
    CHECK(b.take_over(t0 + 9s).empty());
    auto over = b.take_over(t0 + 10s);
    REQUIRE(over.size() == 1);
    CHECK(over[0].text == "it failed");
    CHECK(over[0].more == 1234 - log_limiter::lines_max);
    CHECK(b.take_over(t0 + 11s).empty());
    CHECK(let_through(b, "it failed", 1, t0 + 11s) == 1);
}

TEST_CASE("log limiter: texts do not stand in each other's way, and few lines are no burst")
{
    log_limiter b;
    CHECK(let_through(b, "one", log_limiter::lines_max, t0) == log_limiter::lines_max);
    CHECK(let_through(b, "another", 2, t0) == 2);
    CHECK(b.take_over(t0 + 1min).empty());
}

TEST_CASE("log limiter: ever new texts take no more memory than so many")
{
    log_limiter b;
    for (std::size_t n = 0; n < 10 * log_limiter::texts_max; ++n)
        CHECK(b.lets_through("text " + std::to_string(n), t0));
    CHECK(let_through(b, "text 0", 10, t0) == log_limiter::lines_max - 1);
    CHECK(let_through(b, "text " + std::to_string(5 * log_limiter::texts_max), 10, t0) == 10);
}
