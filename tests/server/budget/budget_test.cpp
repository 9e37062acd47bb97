#include "server/budget/budget.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

constexpr moment start{wall_time(std::chrono::seconds(1'795'507'200)), steady_time(1000s)};

ledger_page clean()
{
    ledger_page p;
    p.clean = true;
    return p;
}

void pass(moment& now, std::chrono::seconds time)
{
    now.wall += time;
    now.steady += time;
}

// The next one is sent and answered at once, on a lease that is durable at once on `disk`; or nobody has a turn.
std::optional<budget::item> send_next(budget& b, moment now, ledger_page& disk)
{
    while (b.expel(now))
    {}
    auto i = b.admit(now);
    if (!i) return std::nullopt;
    if (auto page = b.to_write(now))
    {
        merge(disk, *page);
        b.written(true, now);
    }
    REQUIRE(b.may_send(now));
    auto g = b.send(*i, now);
    b.window().sent(g.token, now.steady);
    b.window().answered(g.token, now.steady);
    return i;
}

}  // namespace

TEST_CASE("tools: a tool with a cap of its own has it, however many other tools there are")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    for (int n = 0; n < 66; ++n)
    {
        b.add(1, {"browser" + std::to_string(n), urgency::interactive});
        REQUIRE(send_next(b, now, disk));
        pass(now, 2s);
    }
    auto no = b.refuses({"etl", urgency::interactive}, 20s, now);
    CHECK_FALSE(no);
}

TEST_CASE("tools: lookups that will share a request count as one towards a tool's cap, and others each")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    for (std::uint64_t kin : {7, 0})
    {
        CAPTURE(kin);
        budget b(s, {}, clean(), "boot", start, 100);
        const asking etl{"etl", urgency::interactive, kin};
        for (budget::item i = 1; i <= 2; ++i) b.add(i, etl);
        CHECK(b.refuses(etl, 1h, start).has_value() == (kin == 0));
    }
}

TEST_CASE("restart: after a clean stop and a reboot nothing is sent before the window has passed")
{
    budget_settings s;
    s.rate = 0.01;  // one in 100 s
    s.burst = 1;
    ledger_page kept;
    moment now = start;
    {
        budget b(s, {}, clean(), "boot 1", now);
        b.add(1, {"t", urgency::interactive});
        REQUIRE(send_next(b, now, kept));
        merge(kept, b.close(now));
    }
    moment later{now.wall + 20s, steady_time(10s)};  // the machine was started again
    budget b(s, {}, kept, "boot 2", later);
    CHECK(b.until_send(later) >= 79s);
}

TEST_CASE("pause: one whose write failed is written again")
{
    budget_settings s;
    moment now = start;
    budget b(s, {}, clean(), "boot", now);
    std::string hour("3600");
    b.refused(&hour, now);
    REQUIRE(b.to_write(now));
    b.written(false, now);
    bool again = false;
    for (int i = 0; i < 600 && !again; ++i)
    {
        pass(now, 1s);
        again = b.to_write(now).has_value();
    }
    CHECK(again);
}

TEST_CASE("flows: a tool's own cap holds behind 256 other tools that wait")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    budget::item n = 0;
    for (int i = 0; i < 256; ++i)
        for (int k = 0; k < 5; ++k) b.add(++n, {"x" + std::to_string(i), urgency::interactive});
    for (int k = 0; k < 5; ++k) b.add(10'000 + k, {"etl", urgency::interactive});
    int sent = 0;
    for (int step = 0; step < 3000; ++step)
    {
        auto i = send_next(b, now, disk);
        if (i && *i >= 10'000) ++sent;
        pass(now, 1s);
    }
    CHECK(sent == 2);
}
