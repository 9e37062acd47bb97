#include "server/admin/headline.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time noon = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;

overview some_day()
{
    overview o;
    o.now = noon;
    o.may_share = true;
    budget_report& b = o.upstream.spending;
    b.daily = 10000;
    b.spent = 1204;
    b.left = 8796;
    b.tools = {{"etl", 734}, {"agent", 265}, {"x", 60}, {"y", 40}, {"z", 3}};
    o.of_the_day = {{outcome::hit, 18000}, {outcome::stale, 300}, {outcome::negative, 40}, {outcome::miss, 900}};
    return o;
}

}  // namespace

TEST_CASE("headline: what was spent, how long the day lasts, for whom, and what was answered without Gong")
{
    CHECK(headline(some_day()) ==
          "1,204 of 10,000 · lasts all day · etl 61 %, agent 22 %, x 5 % · 18,340 answered without Gong");
}

TEST_CASE("headline: a day that does not last says when it ends, in UTC, and one that is over says so")
{
    overview o = some_day();
    o.upstream.spending.ends_in = 4h + 39min + 30s;
    CHECK(headline(o).starts_with("1,204 of 10,000 · spent at 16:40 UTC · "));
    o.upstream.spending.ends_in = 0s;
    o.upstream.spending.left = 0;
    o.upstream.spending.spent = 10000;
    CHECK(headline(o).starts_with("10,000 of 10,000 · all spent · etl 7 %"));
}

TEST_CASE("headline: it leads with a ledger that cannot be written, or is not ours any more")
{
    overview o = some_day();
    o.upstream.spending.ledger = ledger_state::in_memory;
    CHECK(headline(o) ==
          "the budget's ledger cannot be written, so what is spent is counted in memory · " + headline(some_day()));
    o.upstream.spending.ledger = ledger_state::not_ours;
    CHECK(headline(o).starts_with("nothing is sent to Gong, and misses are refused: the lock on the budget's ledger is "
                                  "lost; restart callcache · 1,204 of 10,000 · "));
}

TEST_CASE("headline: it leads with the tool that is refused most, how often, since when and why")
{
    overview o = some_day();
    o.refused = {{"etl", "the queue is full", 2988, noon - 10min, noon}};
    CHECK(headline(o) == "etl is refused, 2,988 times since 11:50:00 UTC: the queue is full · " + headline(some_day()));
    o.refused.push_back({"agent", "the queue is full", 1, noon, noon});
    CHECK(headline(o).starts_with(
        "etl is refused, 2,988 times since 11:50:00 UTC: the queue is full; so are others (1) · "));
    o.refused.erase(o.refused.begin());
    CHECK(headline(o).starts_with("agent is refused, 1 time since 12:00:00 UTC: "));
}

TEST_CASE("headline: each step of shedding is said, and when a day that is spent is free again")
{
    overview o = some_day();
    budget_report& b = o.upstream.spending;
    b.shedding = shed_level::stretched;
    CHECK(headline(o) == "what is kept is served stale rather than refreshed · " + headline(some_day()));
    b.shedding = shed_level::interactive;
    b.left = 950;
    CHECK(headline(o).starts_with("the last 950 API calls of the day are held for interactive tools, and background "
                                  "work gets none · 1,204 of 10,000 · "));
    b.shedding = shed_level::spent;
    b.left = 0;
    b.wait = 42min;
    CHECK(
        headline(o).starts_with("the day's API calls are spent: only what is kept is answered until 12:42:00 UTC · "));
    o.refused = {{"etl", "the day's API calls are spent", 3, noon, noon}};
    CHECK(headline(o).starts_with("etl is refused, 3 times since "));
}

TEST_CASE("headline: it leads with alerts that cannot be delivered, once alerts are sent")
{
    overview o = some_day();
    o.alerts.emplace();
    CHECK(headline(o) == headline(some_day()));
    o.alerts->is_failing = true;
    CHECK(headline(o) == "alerts cannot be delivered (alerts.webhook_file) · " + headline(some_day()));
}

TEST_CASE("headline: it leads with a certificate towards tools that ends within 14 days, or has ended")
{
    overview o = some_day();
    o.certificate_end = noon + 14 * 24h + 1s;
    CHECK(headline(o) == headline(some_day()));
    o.certificate_end = noon + 14 * 24h;
    CHECK(headline(o) == "the certificate towards tools (server.tls_certificate_file) ends in 14 days: renew it · " +
                             headline(some_day()));
    o.certificate_end = noon;
    CHECK(headline(o).starts_with("the certificate towards tools (server.tls_certificate_file) ended at 12:00:00 UTC, "
                                  "so tools cannot connect: renew it · 1,204"));
}

TEST_CASE("headline: without a limit, and before anything was asked")
{
    overview o;
    CHECK(headline(o) == "0 API calls in a day · no limit · 0 answered without Gong");
}

TEST_CASE("headline: it leads with what keeps Gong from being asked, to the second, and then promises no day")
{
    overview o = some_day();
    o.upstream.spending.tools.clear();
    o.upstream.is_up = false;
    CHECK(headline(o) == "Gong is down: what is not kept is refused · 1,204 of 10,000 · 18,340 answered without Gong");
    o.upstream.spending.paused_for = 900ms;
    CHECK(headline(o).starts_with("Gong asked everyone to wait until 12:00:00 UTC (1 s): what is not kept waits or is "
                                  "refused · 1,204 of 10,000 · 18,340"));
    o.upstream.spending.paused_for = 90s;
    CHECK(headline(o).starts_with("Gong asked everyone to wait until 12:01:30 UTC (90 s): "));
    o.upstream.spending.ends_in = 4h;
    CHECK(headline(o).find("1,204 of 10,000 · spent at 16:00 UTC · ") != std::string::npos);
    o.mode = "offline";
    CHECK(headline(o).starts_with("offline (mode): only what is kept is served · 1,204 of 10,000 · "));
}

TEST_CASE("headline: a tool's name cannot turn the line around")
{
    overview o = some_day();
    o.upstream.spending.tools = {{"\x1b[2J\n\xe2\x80\xae", 1204}};
    CHECK(headline(o).find("?[2J?? 100 %") != std::string::npos);
}

TEST_CASE("hints: sharing is named when it would have saved a good part of the day, and is possible")
{
    overview o = some_day();
    o.upstream.duplicates = {5000, 3904, 5};
    REQUIRE(hints(o).size() == 1);
    CHECK(hints(o)[0] == "5 credentials fetched the same 3,904 calls today; credentials.share=company would have saved "
                         "those API calls");
    o.may_share = false;
    CHECK(hints(o).empty());
    o.may_share = true;
    o.upstream.duplicates = {5000, 59, 5};  // of 1,204: less than 5 %
    CHECK(hints(o).empty());
    o.upstream.spending.spent = 25;
    o.upstream.duplicates = {19, 19, 2};
    CHECK(hints(o).empty());
}

TEST_CASE("hints: lines that the log lost are named")
{
    overview o;
    o.log_lines_dropped = 1234;
    REQUIRE(hints(o).size() == 1);
    CHECK(hints(o)[0] == "1,234 lines of the log were dropped since the start, as nobody read it");
}
