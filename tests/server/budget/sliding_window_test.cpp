#include "server/budget/sliding_window.hpp"

#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

using namespace callcache;
using test::sanitized;

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

TEST_CASE("window: after a change what was sent before counts for as long as the new window is, remembered or not")
{
    sliding_window w(budget(3, 3, 0ms), t0);
    for (int i = 0; i < 3; ++i) send(w, t0);
    sliding_window longer = w;
    longer.reconfigure(budget(0.5, 1, 0ms), t0 + 100ms);
    CHECK(longer.next(t0 + 100ms) == t0 + 2s);
    sliding_window fewer = w;
    fewer.reconfigure(budget(2, 2, 0ms), t0 + 100ms);
    CHECK(fewer.next(t0 + 100ms) == t0 + 1s);
    send(fewer, t0 + 1s);
    send(fewer, t0 + 1s);
    CHECK(fewer.next(t0 + 1s) == t0 + 2s);
    sliding_window shorter = w;
    shorter.reconfigure(budget(30, 3, 0ms), t0 + 50ms);
    CHECK(shorter.next(t0 + 50ms) == t0 + 100ms);
    // The three have come back and are forgotten when the fourth is sent, and would count until a window of 2 s later.
    send(w, t0 + 1s);
    w.reconfigure(budget(1.5, 3, 0ms), t0 + 1s);
    CHECK(w.next(t0 + 1s) == t0 + 2s);
    // What is on its way counts from its arrival on.
    sliding_window flying(budget(1, 1, 0ms), t0);
    auto token = flying.take(t0);
    flying.sent(token, t0);
    flying.reconfigure(budget(0.5, 1, 0ms), t0 + 100ms);
    flying.answered(token, t0 + 5s);
    CHECK(flying.next(t0 + 5s) == t0 + 7s);
}

TEST_CASE("window: after a change what a process before this one sent counts for as long as the new window is")
{
    // It had sent until t0.
    sliding_window w(budget(2, 2, 0ms), t0 + 1s);
    sliding_window longer = w;
    longer.reconfigure(budget(0.5, 1, 0ms), t0 + 500ms);
    CHECK(longer.next(t0 + 500ms) == t0 + 2s);
    w.reconfigure(budget(20, 2, 0ms), t0 + 50ms);
    CHECK(w.next(t0 + 50ms) == t0 + 100ms);
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
        for (unsigned seed = 1; seed <= 3; ++seed)
        {
            INFO("seed " << seed << ", rate " << rate << ", burst " << burst);
            std::mt19937 random(seed);
            budget_settings s = budget(rate, burst, milliseconds(seed % 2 * 30));
            const auto window = window_of(s);
            sliding_window w(s, seed % 3 == 0 ? t0 + window : t0);
            std::vector<steady_time> sent;
            steady_time now = t0;
            for (int i = 0; i < (sanitized ? 40 : 400); ++i)
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

namespace
{

// What the vendor sees: requests come some time after they are sent, and answers some time after that.
struct vendor
{
    struct on_its_way
    {
        sliding_window::token token;
        steady_time answer;
        bool lost;
    };
    explicit vendor(const budget_settings& b) : settings(b), w(b, t0) {}

    budget_settings settings;
    sliding_window w;
    steady_time now = t0;
    std::vector<on_its_way> answers;
    std::vector<steady_time> came;

    // Sends as soon as it may be, and says when.
    void send(steady_time::duration way, steady_time::duration back, bool lost = false)
    {
        while (w.next(now) > now) to(std::min(w.next(now), next_answer()));
        auto token = w.take(now);
        w.sent(token, now);
        if (!lost) came.push_back(now + way);
        answers.push_back({token, now + way + back, lost});
        last = token;
    }
    void to(steady_time then)
    {
        while (next_answer() <= then)
        {
            auto a = std::min_element(answers.begin(), answers.end(), sooner);
            now = std::max(now, a->answer);
            a->lost ? w.lost(a->token, now) : w.answered(a->token, now);
            answers.erase(a);
        }
        now = std::max(now, then);
    }
    steady_time next_answer() const
    {
        auto a = std::min_element(answers.begin(), answers.end(), sooner);
        return a == answers.end() ? steady_time::max() : a->answer;
    }
    static bool sooner(const on_its_way& a, const on_its_way& b) { return a.answer < b.answer; }

    // More than burst within burst/rate seconds.
    bool saw_too_many() const
    {
        std::vector<steady_time> all = came;
        std::sort(all.begin(), all.end());
        for (std::size_t i = settings.burst; i < all.size(); ++i)
            if (all[i] - all[i - settings.burst] <
                std::chrono::duration<double>(double(settings.burst) / settings.rate))
                return true;
        return false;
    }
    sliding_window::token last = 0;
};

// An even choice between these.
steady_time::duration between(std::mt19937& random, milliseconds least, milliseconds most)
{
    return std::chrono::microseconds(1000 * least.count() + random() % (1000 * (most - least).count() + 1));
}

}  // namespace

TEST_CASE("window: until its answer comes nothing is known of a request, and its token is out")
{
    sliding_window w(budget(3, 1), t0);
    auto token = w.take(t0);
    w.sent(token, t0);
    for (auto after : {0ms, 300ms, 10'000ms, 3'600'000ms}) CHECK(w.next(t0 + after) > t0 + after);
    w.answered(token, t0 + 1h);
    CHECK(w.next(t0 + 1h) == t0 + 1h + window_of(budget(3, 1)));
}

TEST_CASE("window: an answer proves the arrival, and a round trip of the network earlier the token may be used")
{
    budget_settings s = budget(3, 1);
    for (auto [took, round_trip, back] : {std::tuple{100ms, 0ms, 100ms},
                                          {100ms, 30ms, 70ms},
                                          {100ms, 100ms, 0ms},
                                          {5000ms, 80ms, 4920ms},
                                          {100ms, 900ms, 0ms}})
    {
        CAPTURE(took.count());
        CAPTURE(round_trip.count());
        sliding_window w(s, t0);
        auto token = w.take(t0);
        w.sent(token, t0 + 2s);  // it counts from its handing over
        w.answered(token, t0 + 2s + took, round_trip);
        CHECK(w.next(t0 + 2s + took) == std::max(t0 + 2s + took, t0 + 2s + back + window_of(s)));
    }
}

namespace
{

// So many that take this long, one after the other.
void answer_some(sliding_window& w, steady_time& now, int count, steady_time::duration took,
                 request_kind kind = request_kind::lookup)
{
    for (int i = 0; i < count; ++i)
    {
        now = w.next(now, 0, kind);
        auto token = w.take(now, kind);
        w.sent(token, now, kind);
        now += took;
        w.answered(token, now);
        now += 10s;
    }
}

// How long after its answer the token comes back of one that is sent now and takes so long.
steady_time::duration back_after(sliding_window& w, steady_time& now, steady_time::duration took, request_kind kind,
                                 request_kind next)
{
    auto token = w.take(now, kind);
    w.sent(token, now, kind);
    now += took;
    w.answered(token, now);
    return w.next(now, 0, next) - now;
}

}  // namespace

TEST_CASE("window: with the thirtieth answer and from then on a token comes back earlier by the least time that they "
          "have taken")
{
    constexpr request_kind lookup = request_kind::lookup;
    budget_settings s = budget(3, 1);
    for (auto [answers, earlier] : {std::pair{28, 0ms}, {29, 300ms}})
    {
        CAPTURE(answers);
        sliding_window w(s, t0);
        steady_time now = t0;
        answer_some(w, now, answers, 300ms);
        CHECK(back_after(w, now, 700ms, lookup, lookup) == window_of(s) - earlier);
    }
    SUBCASE("a quick one is the least at once, and no token comes back before its window from the sending on")
    {
        sliding_window w(s, t0);
        steady_time now = t0;
        answer_some(w, now, 30, 300ms);
        CHECK(back_after(w, now, 20ms, lookup, lookup) == window_of(s));
    }
    SUBCASE("where the quickest differ, it is less by twice the distance to the tenth of them")
    {
        sliding_window w(s, t0);
        steady_time now = t0;
        for (auto took : {300ms, 310ms, 320ms, 330ms, 340ms, 350ms, 360ms, 370ms, 380ms, 390ms})
            answer_some(w, now, 3, took);
        CHECK(back_after(w, now, 700ms, lookup, lookup) == window_of(s) - 240ms);
    }
    SUBCASE("the three hundred last count")
    {
        sliding_window w(s, t0);
        steady_time now = t0;
        answer_some(w, now, 30, 20ms);
        answer_some(w, now, 299, 300ms);
        CHECK(back_after(w, now, 700ms, lookup, lookup) == window_of(s) - 300ms);
    }
}

TEST_CASE("window: a token comes back earlier by the lesser of what its request's kind and the next one's take")
{
    constexpr request_kind kinds[] = {request_kind::lookup, request_kind::batch, request_kind::forwarded};
    budget_settings s = budget(3, 1);
    sliding_window w(s, t0);
    steady_time now = t0;
    answer_some(w, now, 30, 200ms, request_kind::lookup);
    answer_some(w, now, 30, 900ms, request_kind::batch);
    auto least = [](request_kind k) {
        return k == request_kind::lookup ? 200ms : k == request_kind::batch ? 900ms : 0ms;
    };
    for (request_kind of : kinds)
        for (request_kind next : kinds)
        {
            CAPTURE(int(of));
            CAPTURE(int(next));
            sliding_window mine = w;
            steady_time here = now;
            steady_time::duration back = window_of(s) - std::min(least(of), least(next));
            CHECK(back_after(mine, here, 2s, of, next) == std::max<steady_time::duration>(back, 0s));
        }
}

TEST_CASE("window: where answers take longer than a window, what has none still holds its token")
{
    sliding_window w(budget(3, 1), t0);
    steady_time now = t0;
    answer_some(w, now, 30, 5s);
    auto token = w.take(now);
    w.sent(token, now);
    for (auto after : {0ms, 1000ms, 4999ms, 60'000ms}) CHECK(w.next(now + after) > now + after);
    w.answered(token, now + 5s);
    CHECK(w.next(now + 5s) == now + 5s);
}

TEST_CASE("window: a token that is free for one kind alone is used up by it")
{
    sliding_window w(budget(3, 1), t0);
    steady_time now = t0;
    answer_some(w, now, 30, 200ms);
    const auto back = back_after(w, now, 200ms, request_kind::lookup, request_kind::lookup);
    const steady_time early = now + back;
    REQUIRE(w.next(early, 0, request_kind::forwarded) == early + 200ms);
    REQUIRE(w.next(early) == early);
    auto token = w.take(early);
    w.sent(token, early);
    w.lost(token, early);
    for (request_kind kind : {request_kind::lookup, request_kind::forwarded})
        CHECK(w.next(early, 0, kind) == early + window_of(budget(3, 1)));
}

TEST_CASE("window: after an acknowledgement a token comes back four seconds and a window later, and never sooner")
{
    budget_settings s = budget(3, 1);
    for (bool is_known : {false, true})
    {
        CAPTURE(is_known);
        sliding_window w(s, t0);
        steady_time now = t0;
        if (is_known) answer_some(w, now, 30, 100ms);
        auto token = w.take(now);
        w.sent(token, now);
        w.acknowledged(token, now + 50ms);
        w.acknowledged(token, now + 1s);  // the first one counts
        steady_time returns = now + 50ms + 4s + window_of(s);
        CHECK(w.next(returns - 1ms) > returns - 1ms);
        CHECK(w.next(returns) == returns);
        w.answered(token, returns);  // it has come back already
        CHECK(w.next(returns) == returns);
    }
}

TEST_CASE("window: forwarded requests hold a token until their answer, or until it has come back")
{
    constexpr request_kind forwarded = request_kind::forwarded;
    sliding_window w(budget(3, 3), t0);
    auto a = w.take(t0, forwarded), b = w.take(t0, forwarded), c = w.take(t0);
    w.sent(a, t0, forwarded);
    w.sent(b, t0, forwarded);
    w.sent(c, t0);
    CHECK(w.forwarded_out(t0) == 2);
    w.acknowledged(a, t0);
    steady_time returns = t0 + 4s + window_of(budget(3, 3));
    CHECK(w.forwarded_out(returns - 1ms) == 2);
    CHECK(w.forwarded_out(returns) == 1);
    w.answered(b, t0 + 1s);
    CHECK(w.forwarded_out(returns) == 0);
}

TEST_CASE("window: soonest is what next() would say if everything were answered now")
{
    for (unsigned seed = 1; seed <= 50; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        vendor v(budget(3, 3));
        for (int i = 0; i < 50; ++i) v.send(between(random, 0ms, 300ms), between(random, 0ms, 3000ms));
        sliding_window answered = v.w;
        for (const auto& a : v.answers) answered.answered(a.token, v.now);
        for (std::size_t others = 0; others < 10; ++others)
        {
            REQUIRE(v.w.soonest(v.now)(others) <= v.w.next(v.now, others));
            REQUIRE(v.w.soonest(v.now)(others) <= answered.next(v.now, others));
        }
    }
}

TEST_CASE("window: a connection that ends is the end of the doubt")
{
    sliding_window w(budget(3, 1), t0);
    auto token = w.take(t0);
    w.sent(token, t0);
    w.lost(token, t0 + 5s);
    CHECK(w.next(t0 + 5s) == t0 + 5s + window_of(budget(3, 1)));
    w.lost(token, t0 + 9s);  // it was told of
    w.answered(token, t0 + 9s);
    w.acknowledged(token, t0 + 9s);
    CHECK(w.next(t0 + 9s) == t0 + 9s);
}

TEST_CASE(
    "window: one that we break off holds its token as if it had been acknowledged by then, also a forwarded one's")
{
    budget_settings s = budget(3, 3);
    for (bool is_acknowledged : {false, true})
    {
        CAPTURE(is_acknowledged);
        sliding_window w(s, t0);
        sliding_window::token tokens[3];
        for (auto& token : tokens) w.sent(token = w.take(t0, request_kind::forwarded), t0, request_kind::forwarded);
        if (is_acknowledged)
            for (auto token : tokens) w.acknowledged(token, t0 + 1s);
        for (auto token : tokens) w.broken_off(token, t0 + 2s);
        steady_time returns = t0 + (is_acknowledged ? 1s : 2s) + 4s + window_of(s);
        CHECK(w.next(returns - 1ms) == returns);
        CHECK(w.forwarded_out(returns - 1ms) == 3);
        CHECK(w.next(returns, 2) == returns);
        CHECK(w.forwarded_out(returns) == 0);
        w.sent(w.take(returns), returns);
        w.answered(tokens[0], returns);  // it is forgotten
        CHECK(w.next(returns, 1) == returns);
    }
}

TEST_CASE("window: what was not sent after all leaves no trace")
{
    sliding_window w(budget(3, 3), t0);
    for (int i = 0; i < 1000; ++i) w.give_back(w.take(t0));
    for (int i = 0; i < 3; ++i)
    {
        REQUIRE(w.next(t0) == t0);
        send(w, t0);
    }
    CHECK(w.next(t0) == t0 + 1030ms);
    auto token = w.take(t0 + 2s);
    w.sent(token, t0 + 2s);
    w.give_back(token);
    CHECK(w.next(t0 + 2s) == t0 + 2s);
    w.answered(token, t0 + 3s);  // nobody knows it
    CHECK(w.next(t0 + 3s) == t0 + 3s);
}

TEST_CASE("window: requests take any time on their way, and no burst + 1 arrive within burst/rate seconds")
{
    for (auto [rate, burst] : {std::pair<double, std::uint64_t>(3, 3), {3, 1}, {2.5, 2}, {0.5, 1}, {10, 10}})
        for (unsigned seed = 1; seed <= 20; ++seed)
        {
            INFO("seed " << seed << ", rate " << rate << ", burst " << burst);
            std::mt19937 random(seed);
            vendor v(budget(rate, burst));
            for (int i = 0; i < 500; ++i)
            {
                if (random() % 10 == 0) v.to(v.now + between(random, 0ms, 5000ms));
                v.send(between(random, 0ms, 3000ms), between(random, 0ms, 1000ms), random() % 30 == 0);
                if (random() % 20 == 0 && v.w.next(v.now) == v.now) v.w.give_back(v.w.take(v.now));
            }
            REQUIRE_FALSE(v.saw_too_many());
        }
}

TEST_CASE("window: a token that is out stands for the rest of its request, whatever was acknowledged before")
{
    sliding_window w(budget(1, 1, 30ms), t0);
    steady_time now = t0;
    auto take = [&] {
        REQUIRE(w.next(now) == now);
        auto token = w.take(now);
        w.sent(token, now);
        return token;
    };
    for (int i = 0; i < 30; ++i)
    {
        w.answered(take(), now);
        now += 2s;
    }
    auto token = take();
    CHECK(w.sends_more(token, now + 1h));
    now += 1h;
    w.answered(token, now);
    CHECK_FALSE(w.sends_more(token, now));
    now += 2s;
    token = take();
    w.acknowledged(token, now);
    CHECK(w.sends_more(token, now + 5029ms));
    CHECK(w.next(now + 1h) > now + 1h);
    w.acknowledged(token, now + 5029ms);
    CHECK_FALSE(w.sends_more(token, now + 10'059ms));
    CHECK(w.next(now + 10'059ms) == now + 10'059ms);
}

TEST_CASE("window: requests count with their head or with their last piece, and no burst + 1 within burst/rate seconds")
{
    for (unsigned seed = 1; seed <= 50; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        vendor v(budget(3, 3));
        for (int i = 0; i < 30; ++i) v.send(10ms, 10ms);
        for (int i = 0; i < 200; ++i)
        {
            bool counts_late = random() % 2;
            v.send(0ms, 1h, counts_late);
            auto token = v.last;
            if (random() % 4) v.w.acknowledged(token, v.now);
            for (auto others = random() % 8; others > 0; --others) v.send(between(random, 0ms, 300ms), 80ms);
            if (!v.w.sends_more(token, v.now))
            {
                v.send(0ms, 0ms, true);
                v.w.lost(std::exchange(token, v.last), v.now);
            }
            auto way = between(random, 0ms, 300ms);
            if (counts_late) v.came.push_back(v.now + way);
            for (auto& a : v.answers)
                if (a.token == token) a = {token, v.now + way + 80ms, false};
        }
        REQUIRE_FALSE(v.saw_too_many());
    }
}

TEST_CASE("window: no burst + 1 arrive within burst/rate seconds either if somebody on the way acknowledges them")
{
    for (unsigned seed = 1; seed <= 50; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        vendor v(budget(3, 3));
        for (int i = 0; i < 500; ++i)
        {
            // The quickest and the slowest way are among the last answers.
            auto way = i % 20 == 0   ? steady_time::duration(10ms)
                       : i % 20 == 1 ? steady_time::duration(400ms)
                                     : between(random, 10ms, 400ms);
            v.send(way, 80ms);
            auto token = v.last;
            v.to(v.now + between(random, 0ms, 80ms));
            v.w.acknowledged(token, v.now);
            if (random() % 10 == 0) v.to(v.now + between(random, 0ms, 3000ms));
        }
        REQUIRE_FALSE(v.saw_too_many());
    }
}
