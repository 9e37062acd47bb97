#include "server/alerts/alert_rules.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time noon = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;

alert_facts spent(std::uint64_t n)
{
    alert_facts f;
    f.daily = 10'000;
    f.spent = n;
    f.left = 10'000 - n;
    return f;
}

alert_facts down()
{
    alert_facts f;
    f.is_up = false;
    return f;
}

alert_facts answered(std::uint64_t answers)
{
    alert_facts f;
    f.answers = answers;
    return f;
}

struct ruled
{
    alert_rules rules{{}};
    moment now{noon, steady_time{1000s}};

    // The texts of what is due after that time, a line each.
    std::string after(duration d, const alert_facts& f)
    {
        now = {now.wall + d, now.steady + d};
        std::string all;
        for (const alert& a : rules.look(f, now)) all += a.text + "\n";
        return all;
    }
};

}  // namespace

TEST_CASE("alerts: at 75, 90 and 100 percent of the day, once each, and not a call before")
{
    ruled r;
    CHECK(r.after(0s, spent(0)) == "");
    CHECK(r.after(2s, spent(7'499)) == "");
    alert_facts f = spent(7'500);
    f.ends_in = 4h + 39min + 30s;
    CHECK(r.after(2s, f) == "75 % of the day's Gong API calls are spent: 7,500 of 10,000. At the pace of the last hour "
                            "all of them are spent at 16:40 UTC.\n");
    CHECK(r.after(2s, spent(8'999)) == "");
    CHECK(r.after(2s, spent(9'000)) == "90 % of the day's Gong API calls are spent: 9,000 of 10,000. At the pace of "
                                       "the last hour they last.\n");
    CHECK(r.after(2s, spent(9'999)) == "");
    f = spent(10'000);
    f.wait = 42min;
    CHECK(r.after(2s, f) == "all 10,000 Gong API calls of the day are spent. What is not kept is refused until "
                            "12:42:12 UTC; kept calls are still answered.\n");
    CHECK(r.after(23h, spent(10'000)) == "");
}

TEST_CASE("alerts: a sliding day that goes to and fro about a bound is told once in 24 hours, and then again")
{
    ruled r;
    CHECK(r.after(0s, spent(7'600)) != "");
    for (int hour = 1; hour < 24; ++hour)
    {
        CHECK(r.after(30min, spent(7'400)) == "");
        CHECK(r.after(30min, spent(7'600)) == "");
    }
    CHECK(r.after(1h - 1s, spent(7'600)) == "");
    CHECK(r.after(1s, spent(7'600)) != "");
    CHECK(r.after(1s, spent(7'600)) == "");
}

TEST_CASE("alerts: of several bounds that are passed at once the highest is told, and the others are not told later")
{
    ruled r;
    CHECK(r.after(0s, spent(9'500)).starts_with("90 %"));
    CHECK(r.after(1h, spent(8'000)) == "");
    CHECK(r.after(1h, spent(9'500)) == "");
    CHECK(r.after(1h, spent(10'000)).starts_with("all 10,000"));
}

TEST_CASE("alerts: without a limit of the day there is none at its bounds; small days have theirs too")
{
    ruled r;
    alert_facts f;
    f.spent = 1'000'000;
    CHECK(r.after(0s, f) == "");
    f.daily = 3;
    f.spent = 2;
    f.left = 1;
    CHECK(r.after(0s, f) == "");
    f.spent = 3;
    f.left = 0;
    CHECK(r.after(0s, f).starts_with("all 3 "));
}

TEST_CASE("alerts: the vendor's 429 within the budget is told once in 24 hours, and one beyond it is not")
{
    ruled r;
    alert_facts f = spent(1'204);
    CHECK(r.after(0s, f) == "");
    f.refusals = 1;
    f.paused_for = 42s;
    CHECK(r.after(2s, f) ==
          "Gong answered 429 though callcache is within its budget (1,204 of 10,000): something else spends the "
          "company's API calls too. Nothing is sent until 12:00:44 UTC; kept calls are still answered.\n");
    f.refusals = 9;
    CHECK(r.after(2s, f) == "");
    CHECK(r.after(24h, f) == "");  // none since
    f.refusals = 10;
    CHECK(r.after(1s, f) != "");

    ruled over;
    f = spent(10'000);
    over.after(0s, f);
    f.refusals = 1;
    CHECK(over.after(2s, f) == "");
    f.left = 1;
    CHECK(over.after(2s, f) == "");  // it was beyond it
}

TEST_CASE("alerts: Gong is down is told after a minute of it, and once; and that it is back")
{
    ruled r;
    CHECK(r.after(0s, answered(5)) == "");
    CHECK(r.after(2s, down()) == "");
    CHECK(r.after(59s, down()) == "");
    CHECK(r.after(1s, down()) == "Gong is down: requests have failed since 12:00:02 UTC. Kept calls are still "
                                 "answered; what is not kept is refused.\n");
    CHECK(r.after(30h, down()) == "");
    CHECK(r.after(2s, answered(6)).starts_with("Gong answers again; that it was down was told at 2026-10-01 12:01:02"));
    CHECK(r.after(2s, answered(7)) == "");
    CHECK(r.after(2s, down()) == "");
    CHECK(r.after(60s, down()).starts_with("Gong is down: "));  // another outage, an alert of its own
}

TEST_CASE("alerts: an outage of less than a minute is none, however often it comes")
{
    ruled r;
    for (int i = 0; i < 10; ++i)
    {
        CHECK(r.after(2s, down()) == "");
        CHECK(r.after(58s, down()) == "");
        CHECK(r.after(2s, answered(1)) == "");
    }
}

TEST_CASE("alerts: after a start nothing comes again, and an outage ends with the first answer")
{
    ruled before;
    CHECK(before.after(0s, spent(9'500)) != "");
    before.after(1s, down());
    CHECK(before.after(60s, down()) != "");
    alert_memory told;
    remember(told, alert_kind::spent_90, noon);
    remember(told, alert_kind::down, noon + 61s);

    ruled r{alert_rules(read_alert_memory(text_of(told))), {noon + 2min, steady_time{5s}}};
    CHECK(r.after(0s, spent(9'500)) == "");
    CHECK(r.after(2s, spent(8'000)) == "");
    alert_facts f = down();
    CHECK(r.after(2min, f) == "");
    CHECK(r.after(2s, answered(0)) == "");  // nobody has asked since the start
    CHECK(r.after(2s, answered(1)).starts_with("Gong answers again; that it was down was told at 12:01:01 UTC"));
    CHECK(r.after(2s, answered(2)) == "");
}

TEST_CASE("alerts: a clock that was wrong silences an alert for 24 hours at most")
{
    for (duration error : {duration(400 * 24h), duration(-400 * 24h), duration(24h), duration(-24h)})
    {
        alert_memory told;
        remember(told, alert_kind::spent_75, noon + error);
        ruled r{alert_rules(told)};
        CHECK(r.after(0s, spent(7'600)) != "");
    }
}

TEST_CASE("alerts: what was told is read as it was written, and what is not understood is left out")
{
    alert_memory told;
    remember(told, alert_kind::spent_100, noon);
    remember(told, alert_kind::refused, noon + 1s);
    remember(told, alert_kind::down, noon + 2s);
    CHECK(told.size() == 5);  // the bounds below too
    CHECK(read_alert_memory(text_of(told)) == told);
    remember(told, alert_kind::back, noon + 3s);
    CHECK(told.size() == 4);
    CHECK(read_alert_memory(text_of(told)) == told);
    CHECK(read_alert_memory("").empty());
    CHECK(read_alert_memory("spent-75\nspent-75 \nspent-75 x\nspent-75 1x\nspent-750 1\n\nback 1\n\xff 1").empty());
    CHECK(read_alert_memory("spent-75 7").at(alert_kind::spent_75) == from_micros(7));
}
