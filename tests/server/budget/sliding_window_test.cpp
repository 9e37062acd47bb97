#include "server/budget/sliding_window.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace callcache;

namespace
{

const steady_time t0{24h};

budget_settings budget(double rate, std::uint64_t burst, milliseconds margin = 30ms)
{
    budget_settings s;
    s.rate = rate;
    s.burst = burst;
    s.margin = margin;
    return s;
}

steady_time::duration window_of(const budget_settings& s)
{
    return std::chrono::ceil<steady_time::duration>(std::chrono::duration<double>(double(s.burst) / s.rate)) + s.margin;
}

// One whose answer begins at once.
void send(sliding_window& w, steady_time now)
{
    auto token = w.take(now);
    w.sent(token, now);
    w.answered(token, now);
}

// When the last of `others` + 1 is really sent, if each goes as early as it can.
steady_time played_out(sliding_window w, steady_time now, std::size_t others)
{
    for (; others > 0; --others)
    {
        now = w.next(now);
        send(w, now);
    }
    return w.next(now);
}

const std::pair<double, std::uint64_t> budgets[] = {{3, 3},   {3, 1},     {3, 2},     {2.5, 2},     {2.5, 1},
                                                    {0.5, 1}, {0.001, 1}, {1, 1},     {1.0 / 3, 1}, {7.3, 5},
                                                    {7, 7},   {10, 3},    {100, 100}, {1000, 1000}};

}  // namespace

TEST_CASE("window: a burst goes at once, the next waits for the first")
{
    sliding_window w(budget(3, 3), t0);
    for (int i = 0; i < 3; ++i)
    {
        steady_time now = t0 + i * 100ms;
        REQUIRE(w.next(now) == now);
        send(w, now);
    }
    CHECK(w.next(t0 + 300ms) == t0 + 1030ms);
    CHECK(w.next(t0 + 1030ms) == t0 + 1030ms);
    send(w, t0 + 1030ms);
    CHECK(w.next(t0 + 1030ms) == t0 + 1130ms);
    CHECK(w.next(t0 + 5s) == t0 + 5s);
}

TEST_CASE("window: rates below one a second, and fractions, hold")
{
    sliding_window slow(budget(0.5, 1), t0);
    send(slow, t0);
    CHECK(slow.next(t0) == t0 + 2030ms);
    sliding_window fraction(budget(2.5, 2, 0ms), t0);
    send(fraction, t0);
    send(fraction, t0);
    CHECK(fraction.next(t0) == t0 + 800ms);
}

TEST_CASE("window: after an unclean start nothing is sent for one window")
{
    sliding_window w(budget(3, 3), t0 + 1030ms);
    CHECK(w.next(t0) == t0 + 1030ms);
    CHECK(w.next(t0 + 500ms) == t0 + 1030ms);
    CHECK(w.next(t0, 2) == t0 + 1030ms);
    CHECK(w.next(t0, 3) == t0 + 2060ms);
    CHECK(w.next(t0 + 2s) == t0 + 2s);
    CHECK(sliding_window(budget(3, 3), t0).next(t0) == t0);
}

TEST_CASE("window: never before now")
{
    sliding_window w(budget(3, 3), t0);
    for (std::size_t others = 0; others < 10; ++others) CHECK(w.next(t0 + 1h, others) >= t0 + 1h);
}

TEST_CASE("window: whoever waits is told when its turn comes")
{
    sliding_window w(budget(3, 3, 0ms), t0);
    CHECK(w.next(t0, 0) == t0);
    CHECK(w.next(t0, 2) == t0);
    CHECK(w.next(t0, 3) == t0 + 1s);
    CHECK(w.next(t0, 5) == t0 + 1s);
    CHECK(w.next(t0, 6) == t0 + 2s);
    CHECK(w.next(t0, 3000) == t0 + 1000s);
}

TEST_CASE("window: however requests arrive, no more than a burst are sent in any window, and the forecast is true")
{
    for (auto [rate, burst] : budgets)
        for (unsigned seed = 1; seed <= 6; ++seed)
        {
            INFO("seed " << seed << ", rate " << rate << ", burst " << burst);
            std::mt19937 random(seed);
            budget_settings s = budget(rate, burst, milliseconds(seed % 2 * 30));
            const auto window = window_of(s);
            sliding_window w(s, seed % 3 == 0 ? t0 + window : t0);
            std::vector<steady_time> sent;
            steady_time now = t0;
            for (int i = 0; i < 400; ++i)
            {
                // Mostly crowded, sometimes idle for up to three windows.
                auto pause = window / std::int64_t(burst) * std::int64_t(random() % 200) / 100;
                now += random() % 10 == 0  ? window * std::int64_t(random() % 300) / 100
                       : random() % 3 == 0 ? pause * 0
                                           : pause;
                std::size_t others = random() % (3 * burst + 2);
                REQUIRE(w.next(now, others) == played_out(w, now, others));
                REQUIRE(w.next(now) >= now);
                now = w.next(now);
                send(w, now);
                sent.push_back(now);
            }
            for (std::size_t i = burst; i < sent.size(); ++i)
                REQUIRE(sent[i] - sent[i - burst] >= std::chrono::duration<double>(double(burst) / rate) + s.margin);
        }
}

TEST_CASE("window: nobody waits longer than the limit asks")
{
    for (auto [rate, burst] : budgets)
    {
        INFO("rate " << rate << ", burst " << burst);
        budget_settings s = budget(rate, burst);
        sliding_window w(s, t0);
        steady_time now = t0;
        for (std::size_t i = 0; i < 10 * burst; ++i)
        {
            now = w.next(now);
            send(w, now);
        }
        CHECK(now == t0 + 9 * window_of(s));
    }
}

TEST_CASE("window: keeping to it never empties a bucket of burst tokens that refills at the rate")
{
    for (auto [rate, burst] : budgets)
    {
        INFO("rate " << rate << ", burst " << burst);
        std::mt19937 random(7);
        sliding_window w(budget(rate, burst, 0ms), t0);
        steady_time now = t0, last = t0;
        double tokens = double(burst);
        for (int i = 0; i < 1000; ++i)
        {
            if (random() % 5 == 0) now += std::chrono::microseconds(random() % 2'000'000);
            now = w.next(now);
            send(w, now);
            tokens = std::min(double(burst), tokens + rate * std::chrono::duration<double>(now - last).count()) - 1;
            last = now;
            REQUIRE(tokens > -1e-6);
        }
    }
}
