#include "server/telemetry/log_watch.hpp"

#include "tests/support/harness.hpp"

using namespace callcache;
using namespace callcache::test;

namespace
{

struct watched
{
    recorded_log out;
    sim_clock clock;
    log_watch watch{out, clock};

    std::ptrdiff_t lines() const
    {
        std::string text = out.text();
        return std::count(text.begin(), text.end(), '\n');
    }
};

}  // namespace

TEST_CASE("log: a flood of errors is a few lines, and one that says how many more there were")
{
    watched w;
    for (int i = 0; i < 1000; ++i) w.watch.error("it failed", {{"why", "number " + std::to_string(i)}});
    CHECK(w.lines() == log_limiter::lines_max);
    w.clock.advance(10s);
    w.watch.look();
    CHECK(w.lines() == log_limiter::lines_max + 1);
    CHECK(w.out.text().find("and 997 more of these in 10 s") != std::string::npos);
    CHECK(w.out.text().find("it failed", w.out.text().find("997 more")) != std::string::npos);
    CHECK(w.watch.current().errors == 1000);
    CHECK(w.watch.current().warnings == 0);
    REQUIRE(w.watch.current().recent.size() == 1);
    CHECK(w.watch.current().recent[0].text == "it failed: number 999");
    CHECK(w.watch.current().recent[0].count == 1000);
}

TEST_CASE("log: the next line of a text brings the sum of those before, and so does the end")
{
    recorded_log out;
    sim_clock clock;
    {
        log_watch watch(out, clock);
        for (int i = 0; i < 5; ++i) watch.warn("slow");
        clock.advance(11s);
        watch.warn("slow");
        CHECK(out.text().find("and 2 more") < out.text().rfind("slow"));
        for (int i = 0; i < 9; ++i) watch.warn("slow");
    }
    CHECK(out.text().find("and 7 more of these") != std::string::npos);
}

TEST_CASE("log: what is no warning is neither summed up nor remembered")
{
    watched w;
    for (int i = 0; i < 100; ++i) w.watch.info("upstream");
    CHECK(w.lines() == 100);
    CHECK(w.watch.current().recent.empty());
}
