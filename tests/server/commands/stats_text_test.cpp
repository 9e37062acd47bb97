#include "server/commands/stats_text.hpp"

#include "server/admin/stats.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

overview some_day()
{
    overview o;
    o.version = "1.2.3";
    o.mode = "online";
    o.now = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;
    o.started = o.now - 2h;
    o.upstream_url = "https://api.gong.io";
    o.day = "sliding";
    o.upstream.spending.daily = 10000;
    o.upstream.spending.spent = 1204;
    o.upstream.spending.left = 8796;
    o.upstream.spending.interactive = 3;
    o.requests.requests[{"calls", outcome::hit, "etl"}] = 1812;
    o.requests.requests[{"calls", outcome::miss, "agent"}] = 12;
    o.memory_entries = 1204;
    o.memory_bytes = 1363149;
    o.memory_max = 128 << 20;
    return o;
}

std::string shown(const overview& o)
{
    auto text = stats_text(stats_document(o));
    REQUIRE(text.has_value());
    return *text;
}

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("stats: the first line answers the daily question, and the others say more")
{
    std::string text = shown(some_day());
    CHECK(text.starts_with("1,204 of 10,000 · lasts all day · 0 answered without Gong\n\n"));
    CHECK(has(text, "since the start: 1,812 hit, 12 miss\n"));
    CHECK(has(text, "\nbudget    8,796 left of the day (sliding), plenty; waiting: 3 interactive, 0 background; a new "
                    "request waits 0 ms\n"));
    CHECK(has(text, "\nupstream  https://api.gong.io is up\n"));
    CHECK(has(text, "\ncache     memory 1,204 answers, 1.3 MiB of 128 MiB\n"));
    CHECK(has(text, "\nversion   1.2.3, online, since 10:00 UTC\n"));
    CHECK_FALSE(has(text, "hint"));
    CHECK_FALSE(has(text, "errors"));
}

TEST_CASE("stats: troubles, hints and the last errors are there when there are some")
{
    overview o = some_day();
    o.may_share = true;
    o.upstream.is_up = false;
    o.upstream.duplicates = {300, 300, 4};
    o.upstream.spending.ledger = ledger_state::in_memory;
    o.disk.writable = false;
    o.disk_max = 1 << 30;
    o.disk.entries = 18000;
    for (int i = 0; i < 9; ++i) o.latest_errors.push_back({"error " + std::to_string(i), 12, o.now});
    std::string text = shown(o);
    CHECK(has(text, "IS DOWN"));
    CHECK(has(text, "THE LEDGER CANNOT BE WRITTEN"));
    CHECK(has(text, "disk 18,000 answers, 0 B of 1.0 GiB; THE DATABASE CANNOT BE WRITTEN"));
    CHECK(has(text, "\nhint      4 credentials fetched the same 300 calls today"));
    CHECK(has(text, "\nerrors    12:00 UTC error 0 (12)\n          12:00 UTC error 1 (12)\n"));
    CHECK_FALSE(has(text, "error 5"));
}

TEST_CASE("stats: tools that are refused come right behind the headline, each with its reason, at most five")
{
    overview o = some_day();
    for (int i = 0; i < 7; ++i)
        o.refused.push_back({"tool" + std::to_string(i), "the queue is full", 2988, o.now - 10min, o.now});
    std::string text = shown(o);
    CHECK(
        text.starts_with("tool0 is refused, 2,988 times since 11:50:00 UTC: the queue is full; so are others (6) · "));
    CHECK(has(text, "\n\nrefused   tool0, 2,988 times since 11:50 UTC, last at 12:00 UTC: the queue is full\n"
                    "          tool1, 2,988 times since "));
    CHECK(has(text, "tool4, "));
    CHECK_FALSE(has(text, "tool5, "));
    CHECK_FALSE(has(shown(some_day()), "refused"));
}

TEST_CASE("stats: offline nobody is called up, and a long wait is told in hours")
{
    overview o = some_day();
    o.mode = "offline";
    o.upstream.spending.wait = 24h + 90s;
    std::string text = shown(o);
    CHECK(has(text, "\nupstream  https://api.gong.io is not asked (mode is offline)\n"));
    CHECK(has(text, "a new request waits 24 h 2 min\n"));
}

TEST_CASE("stats: a ledger that is not ours any more is told as that, and not as one that cannot be written")
{
    overview o = some_day();
    o.upstream.spending.ledger = ledger_state::not_ours;
    std::string text = shown(o);
    CHECK(has(text, "THE LOCK ON THE LEDGER IS LOST: nothing is sent until callcache is restarted"));
    CHECK_FALSE(has(text, "CANNOT BE WRITTEN"));
}

TEST_CASE("stats: whatever answers, nothing of it reaches a terminal as a control sequence")
{
    CHECK_FALSE(stats_text("").has_value());
    CHECK_FALSE(stats_text("[1]").has_value());
    CHECK_FALSE(stats_text(std::string(100000, '[')).has_value());
    CHECK_FALSE(stats_text(R"({"headline":7})").has_value());
    auto text =
        stats_text(R"({"headline":"\u001b[2J","hints":[7,"\u001b]0;x\u0007"],"recent_errors":[3,{}],"budget":[]})");
    REQUIRE(text.has_value());
    CHECK_FALSE(has(*text, "\x1b"));
    CHECK_FALSE(has(*text, "\x07"));
}
