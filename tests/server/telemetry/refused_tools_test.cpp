#include "server/telemetry/refused_tools.hpp"

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

    void note(const std::string& tool, int times, std::string_view why = "the queue is full")
    {
        for (int i = 0; i < times; ++i)
            if (auto line = refused.note(tool, why, clock.now())) begun.push_back(*line);
    }
    std::string logged_after(steady_time::duration d)
    {
        clock.advance(d);
        const refused_tools::lines said = refused.look(clock.now());
        std::string all;
        for (const auto* lines : {&said.go_on, &said.ended})
            for (const std::string& line : *lines) all += line + "\n";
        return all;
    }
};

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

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

TEST_CASE("refused tools: a sum every ten minutes while it goes on, and the count of all of it once it has ended")
{
    refused_harness h;
    h.note("etl", 100);
    for (int minute = 0; minute < 9; ++minute)
    {
        CHECK(h.logged_after(59s) == "");
        h.note("etl", 100);
    }
    CHECK(has(h.logged_after(69s - 1s), "etl is not refused any more (the queue is full): 1,000 times since "));
    CHECK(h.refused.current().empty());

    h.note("etl", 1);
    for (int i = 0; i < 20; ++i)
    {
        CHECK(h.logged_after(29s) == "");
        h.note("etl", 100);
    }
    CHECK(has(h.logged_after(20s), "etl was refused 2,001 times in 10 min: the queue is full"));
    for (int i = 0; i < 20; ++i)
    {
        h.note("etl", 1);
        CHECK(h.logged_after(29s) == "");
    }
    CHECK(has(h.logged_after(20s), "etl was refused 20 times in 10 min"));
    CHECK(h.logged_after(10s) == "");
    CHECK(has(h.logged_after(1s), "2,021 times since "));
    CHECK(h.logged_after(1h) == "");
}

TEST_CASE("refused tools: what goes on now is told, the tool that is refused most first")
{
    refused_harness h;
    h.note("agent", 2);
    h.clock.advance(30s);
    h.note("etl", 3);
    const auto now = h.refused.current();
    REQUIRE(now.size() == 2);
    CHECK(now[0].tool == "etl");
    CHECK(now[0].count == 3);
    CHECK(now[0].why == "the queue is full");
    CHECK(now[1].tool == "agent");
    CHECK(now[1].last + 30s == now[0].since);
    h.logged_after(30s);
    REQUIRE(h.refused.current().size() == 1);
    CHECK(h.refused.current()[0].tool == "etl");
}

TEST_CASE("refused tools: names without end are one tool beyond a bound")
{
    refused_harness h;
    for (int i = 0; i < 1000; ++i) h.note("tool" + std::to_string(i), 1);
    CHECK(h.refused.current().size() == refused_tools::rows_max + 1);
    CHECK(h.refused.current()[0].tool == other_tools);
    CHECK(h.refused.current()[0].count == 1000 - refused_tools::rows_max);
    h.note("tool3", 5);
    CHECK(h.refused.current()[1].count == 6);
}
