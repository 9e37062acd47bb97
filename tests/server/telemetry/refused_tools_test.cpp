#include "server/telemetry/refused_tools.hpp"

#include "server/text/human.hpp"
#include "server/text/tool_names.hpp"
#include "tests/support/sim_clock.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

struct refused_harness
{
    sim_clock clock;
    refused_tools refused;
    std::vector<std::string> begun;

    void note(const std::string& tool, int times, std::string_view why = "the queue is full", bool is_strange = false)
    {
        for (int i = 0; i < times; ++i)
            if (auto line = refused.note({tool, why, is_strange}, clock.now())) begun.push_back(*line);
    }
    std::vector<refused_tools::row> now() const { return refused.current(clock.steady()); }
    std::string logged_after(steady_time::duration d)
    {
        clock.advance(d);
        const refused_tools::lines said = refused.look(clock.now());
        std::string all;
        for (const auto* lines : {&said.go_on, &said.ended})
            for (const auto& [text, what] : *lines) all += text + " (" + what + ")\n";
        return all;
    }
};

}  // namespace

TEST_CASE("refused tools: a line when it begins, for each tool and each reason, and none for each refusal")
{
    refused_harness h;
    h.note("etl", 1000);
    CHECK(h.begun == std::vector<std::string>{"etl is refused: the queue is full"});
    h.note("agent", 2);
    h.note("etl", 2, "Gong asked everyone to wait");
    CHECK(h.begun.size() == 3);
    CHECK(h.begun[1] == "agent is refused: the queue is full");
    CHECK(h.begun[2] == "etl is refused: Gong asked everyone to wait");
}

TEST_CASE("refused tools: a sum after the first minute and then every ten minutes, of what came since")
{
    refused_harness h;
    const std::string since = ", since " + clock_text(h.clock.wall(), h.clock.wall());
    h.note("etl", 2988);
    CHECK(h.logged_after(59s) == "");
    CHECK(h.logged_after(1s) == "etl is refused: the queue is full (2,988 times in 60 s" + since + ")\n");
    for (int i = 0; i < 9; ++i)
    {
        h.note("etl", 100);
        CHECK(h.logged_after(66s) == "");
    }
    CHECK(h.logged_after(6s) == "etl is refused: the queue is full (900 times in 10 min" + since + ")\n");
    for (int i = 0; i < 11; ++i)
    {
        CHECK(h.logged_after(29s) == "");
        h.note("etl", 1);
    }
    CHECK(h.logged_after(281s) == "etl is refused: the queue is full (11 times in 10 min" + since + ")\n");
    CHECK(h.logged_after(319s) != "");  // it is over
    CHECK(h.logged_after(1h) == "");
}

TEST_CASE("refused tools: it is over after ten minutes without a refusal, with the count of all and from when to when")
{
    refused_harness h;
    const wall_time began = h.clock.wall();
    h.note("etl", 1000);
    h.logged_after(1min);
    // One that asks every few minutes is refused all the time, and says so once.
    for (int i = 0; i < 6; ++i)
    {
        h.clock.advance(5min);
        h.note("etl", 1);
        for (const auto& [text, what] : h.refused.look(h.clock.now()).ended) FAIL_CHECK(text);
    }
    CHECK(h.begun.size() == 1);
    const wall_time last = h.clock.wall();
    h.logged_after(10min - 1s);
    CHECK(h.logged_after(1s) == "etl is not refused any more: the queue is full (1,006 times from " +
                                    clock_text(began, last) + " to " + clock_text(last, last) + ")\n");
    CHECK(h.logged_after(1h) == "");
    h.note("etl", 1);
    CHECK(h.begun.size() == 2);
    CHECK(h.now()[0].count == 1);
}

TEST_CASE("refused tools: what was refused in the last minute is told, the tool that is refused most first")
{
    refused_harness h;
    h.note("agent", 2);
    h.clock.advance(30s);
    h.note("etl", 3);
    const auto now = h.now();
    REQUIRE(now.size() == 2);
    CHECK(now[0].tool == "etl");
    CHECK(now[0].count == 3);
    CHECK(now[0].why == "the queue is full");
    CHECK(now[1].tool == "agent");
    CHECK(now[1].last + 30s == now[0].since);
    h.clock.advance(30s);
    REQUIRE(h.now().size() == 1);
    CHECK(h.now()[0].tool == "etl");
    h.clock.advance(30s);
    CHECK(h.now().empty());
    h.note("agent", 1);
    CHECK(h.now()[0].count == 3);
}

TEST_CASE("refused tools: names without end are one tool beyond a bound")
{
    refused_harness h;
    for (int i = 0; i < 1000; ++i) h.note("tool" + std::to_string(i), 1);
    CHECK(h.now().size() == refused_tools::rows_max + 1);
    CHECK(h.now()[0].tool == other_tools);
    CHECK(h.now()[0].count == 1000 - refused_tools::rows_max);
    h.note("tool3", 5);
    CHECK(h.now()[1].count == 6);
}

TEST_CASE("refused tools: names that may be made up leave the rows to the tools that are known, again and again")
{
    refused_harness h;
    for (int day = 0; day < 3; ++day)
    {
        h.begun.clear();
        for (int i = 0; i < 1000; ++i) h.note(std::to_string(day) + "x" + std::to_string(i), 1, "no", true);
        CHECK(h.begun.size() == refused_tools::strange_rows_max + 1);
        CHECK(h.now()[0].tool == other_tools);
        h.note("etl", 1);
        CHECK(h.begun.back() == "etl is refused: the queue is full");
        h.logged_after(24h);
    }
}
