// What the operator tells a running callcache: purge, and reload.

#include "tests/support/budget_harness.hpp"
#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

// Calls that are sent in the given time, with more waiting than can be.
std::size_t sent_within(three_a_second& w, std::chrono::seconds time)
{
    std::size_t before = w.cache->misses().report().totals.sent;
    steady_time end = w.clock.steady() + time;
    w.clock_runs = true;
    w.run_until([&] { return w.clock.steady() >= end; });
    w.clock_runs = false;
    return w.cache->misses().report().totals.sent - before;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: control");

TEST_CASE("purge: of one call under every credential, of everything, and durably")
{
    three_a_second w;
    w.start();
    w.clock_runs = true;
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").body == "{\"purged\":\"all\",\"kept\":0}\n");
    for (const std::string& as : {authorization, other_authorization})
        for (std::uint64_t n : {1, 2, 3}) w.get(w.path(n), {}, as);
    CHECK(w.operate("POST", "/purge", "{\"ids\": [\"" + w.id(1) + "\", \"" + w.id(2) + "\"]}").body ==
          "{\"purged\":2,\"kept\":2}\n");
    CHECK(w.operate("POST", "/purge", "{\"ids\": [\"" + w.id(1) + "\", \"" + w.id(4) + "\"]}").body ==
          "{\"purged\":2,\"kept\":0}\n");
    CHECK(w.operate("POST", "/purge", "{\"ids\": [\"" + w.id(1) + "\", \"/v2/users/7\"]}").body ==
          "{\"purged\":2,\"kept\":null}\n");
    w.start();
    for (const std::string& as : {authorization, other_authorization})
    {
        CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}, as).status == 504);
        CHECK(w.get(w.path(3), {{"Cache-Control", "only-if-cached"}}, as).status == 200);
    }
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").body == "{\"purged\":\"all\",\"kept\":null}\n");
    w.start();
    CHECK(w.get(w.path(3), {{"Cache-Control", "only-if-cached"}}).status == 504);
}

TEST_CASE("purge: what is kept of its calls is counted with at most 100 reads, which the drop waits for")
{
    three_a_second w;
    w.start();
    w.clock_runs = true;
    for (const std::string& as : {authorization, other_authorization}) w.get(w.path(1), {}, as);
    auto purge_of = [&](std::uint64_t calls) {
        std::string ids;
        for (std::uint64_t n = 1; n <= calls; ++n) ids += (n == 1 ? "\"" : ",\"") + w.id(n) + "\"";
        return w.operate("POST", "/purge", "{\"ids\": [" + ids + "]}").body;
    };
    CHECK(purge_of(51) == "{\"purged\":51,\"kept\":null}\n");
    CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}).status == 504);
    w.get(w.path(1));
    CHECK(purge_of(50) == "{\"purged\":50,\"kept\":1}\n");
}

TEST_CASE("purge: what was sent for before it is given to who asked, and not kept")
{
    three_a_second w;
    w.start();
    w.vendor->hold(w.id(1));
    auto asker = w.asks(w.path(1));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    CHECK(w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(1) + "\"]}").status == 200);
    w.vendor->release(w.id(1));
    CHECK(asker->read().status == 200);
    CHECK(w.get(w.path(1)).cache("detail") == "miss");
}

TEST_CASE("purge: a body that is not exactly what is expected drops nothing")
{
    three_a_second w;
    w.start();
    w.get(w.path(1));
    const std::string one = "\"" + w.id(1) + "\"";
    for (const std::string& body :
         {std::string(""), std::string("{}"), std::string("[]"), "{\"ids\":" + one + "}", std::string("{\"ids\":[]}"),
          "{\"ids\":[" + one + "],\"all\":true}", std::string("{\"all\":false}"), std::string("{\"all\":1}"),
          "{\"ids\":[" + w.id(1) + "]}", "{\"ids\":[" + one + ",\"12ab\"]}", "{\"ids\":[" + one + ",null]}",
          "{\"ids\":[" + one + "]} x", "{\"ids\":[" + one + "],\"ids\":[" + one + "]}",
          std::string("{\"ids\":[\"/a b\"]}"), std::string(60'000, '[')})
    {
        CAPTURE(body.substr(0, 100));
        CHECK(w.operate("POST", "/purge", body).status == 400);
    }
    CHECK(w.operate("POST", "/purge", std::string(70'000, ' ')).status == 413);
    CHECK(w.get(w.path(1)).cache("detail") == "hit");
}

TEST_CASE("reload: what has changed is in force at once, and said by key; what needs a restart is named and stays")
{
    three_a_second w;
    w.start();
    w.config.budget.wait_max = 1s;
    w.config.budget.tools["etl"].daily = 7;
    w.config.cache.calls.fresh_min = w.config.cache.calls.fresh_max = 1h;
    w.config.server.threads = 3;
    w.config.budget.day = "Europe/Berlin";
    w.config.credentials.company_keys = {"key"};
    w.config.credentials.share = credentials_share::company;
    answer a = w.operate("POST", "/reload");
    CHECK(a.status == 200);
    CHECK(contains(a.body, "\"budget.wait_max: 20s → 1s\""));
    CHECK(contains(a.body, "budget.tools: {} → "));
    CHECK(contains(a.body, "\"needs_restart\":[\"server.threads\",\"credentials.share\",\"credentials.company_keys\","
                           "\"budget.day\"]"));
    CHECK(contains(w.out.text(), "needs a restart"));
    CHECK(w.cache->config().budget.day == "sliding");
    w.get(w.path(60));
    w.clock.advance(50min);
    CHECK(w.get(w.path(60)).cache("detail") == "hit");
    std::vector<std::unique_ptr<tool>> all;
    for (std::uint64_t n = 0; n < 6; ++n) all.push_back(w.asks("/@one" + w.path(n)));
    w.settle();
    answer no = w.get("/@one" + w.path(100));
    CHECK(no.status == 429);
    CHECK(contains(no.body, "limit 1 s"));
    CHECK(contains(w.operate("POST", "/reload").body, "\"changed\":[]"));
}

TEST_CASE("a share that one second can exceed is warned of at the start and when a reload brings it, and not again")
{
    const std::string warning = "which is more than its share";
    auto times = [&](const harness& w) {
        const std::string text = w.out.text();
        std::size_t found = 0;
        for (auto at = text.find(warning); at != std::string::npos; at = text.find(warning, at + 1)) ++found;
        return found;
    };
    three_a_second whole;
    whole.start();
    CHECK(times(whole) == 0);
    whole.config.budget.rate = 1.5;
    whole.config.budget.burst = 1;
    whole.operate("POST", "/reload");
    CHECK(times(whole) == 1);
    whole.config.budget.wait_max = 1s;
    whole.operate("POST", "/reload");
    CHECK(times(whole) == 1);

    three_a_second half;
    half.config.budget.rate = 1.5;
    half.config.budget.burst = 1;
    half.start();
    CHECK(times(half) == 1);
}

TEST_CASE("reload: what contradicts itself changes nothing, and the answer says what and where")
{
    three_a_second w;
    w.start();
    w.config.budget.wait_max = 1s;
    w.config.budget.burst = 7;
    answer a = w.operate("POST", "/reload");
    CHECK(a.status == 422);
    CHECK(contains(a.body, "budget.burst: found 7, allowed is at most max(1, budget.rate)"));
    CHECK(w.cache->config().budget.wait_max == 20s);
    CHECK(w.cache->config().budget.burst == 3);
    CHECK(contains(w.out.text(), "stays as it was"));
    // And so it is if only what stays until a restart makes it one.
    w.config.budget.burst = 3;
    w.config.cache.calls.fresh_max = w.config.cache.calls.keep_max = 60 * 24h;
    a = w.operate("POST", "/reload");
    CHECK(a.status == 422);
    CHECK(contains(a.body, "until a restart: cache.calls.keep_max"));
}

TEST_CASE("reload: a lowered rate holds for those who wait already, a raised one too")
{
    three_a_second w;
    w.config.budget.wait_max = w.config.server.answer_max = 1h;
    w.start();
    auto all = w.queue_up(200);
    std::size_t fast = sent_within(w, 10s);
    CHECK(fast >= 25);
    w.config.budget.rate = 1;
    w.config.budget.burst = 1;
    CHECK(contains(w.operate("POST", "/reload").body, "budget.rate: 3 → 1"));
    CHECK(sent_within(w, 10s) <= 10);
    w.config.budget.rate = 2.5;
    w.config.budget.burst = 2;
    w.operate("POST", "/reload");
    std::size_t again = sent_within(w, 10s);
    CHECK(again >= 23);  // the clock runs on while bytes are on their way
    CHECK(again <= 26);
    CHECK(w.vendor->refused() == 0);
}

TEST_CASE(
    "reload: a daily below what was spent refuses misses, and what waits is told so; a raised one lets them go on")
{
    three_a_second w;
    w.config.budget.interactive_reserve_percent = 0;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 10; ++n) w.get(w.path(n));
    w.clock_runs = false;
    std::vector<std::unique_ptr<tool>> all;
    for (std::uint64_t n = 20; n < 30; ++n) all.push_back(w.asks(w.path(n)));
    w.run_until([&] { return w.cache->misses().report().flights + w.cache->misses().report().totals.sent >= 20; });
    w.config.budget.daily = 5;
    CHECK(w.operate("POST", "/reload").status == 200);
    w.run_until([&] { return std::all_of(all.begin(), all.end(), [](const auto& t) { return t->has_answer(); }); });
    CHECK(std::count_if(all.begin(), all.end(), [](const auto& t) { return t->read().status == 429; }) >= 6);
    answer no = w.get(w.path(100));
    CHECK(no.status == 429);
    CHECK(contains(no.body, "all 5 Gong API calls of the day are spent"));
    CHECK(no.header("ratelimit").starts_with("\"day\";r=0;"));
    CHECK(w.get(w.path(1)).cache("detail") == "hit");
    w.config.budget.daily = 0;
    w.operate("POST", "/reload");
    w.clock_runs = true;
    CHECK(w.get(w.path(100)).status == 200);
}

TEST_CASE("reload: under load no request fails, and no window is exceeded")
{
    three_a_second w;
    w.config.budget.wait_max = w.config.server.answer_max = 1h;
    w.config.budget.daily = 0;
    w.start();
    w.clock_runs = true;
    std::vector<std::unique_ptr<tool>> all;
    constexpr std::uint64_t at_once = sanitized ? 1 : 4;
    for (std::uint64_t round = 0; round < 20; ++round)
    {
        for (std::uint64_t n = 0; n < at_once; ++n) all.push_back(w.asks(w.path(round * at_once + n)));
        w.config.budget.rate = round % 2 ? 3 : 1.5;
        w.config.budget.burst = round % 2 ? 3 : 1;
        CHECK(w.operate("POST", "/reload").status == 200);
    }
    w.run_until([&] { return std::all_of(all.begin(), all.end(), [](const auto& t) { return t->has_answer(); }); });
    for (const auto& t : all) CHECK(t->read().status == 200);
    CHECK(w.vendor->refused() == 0);
}

TEST_CASE("reload: the limit of a head holds from the next request on, also on a connection that is open")
{
    three_a_second w;
    w.start();
    const std::string long_head = w.request("GET", w.path(1), {{"X", std::string(3000, 'x')}});
    tool open(w), fresh(w);
    open.send(long_head);
    CHECK(open.read().status == 200);
    w.config.server.header_bytes_max = 2048;
    REQUIRE(w.operate("POST", "/reload").status == 200);
    for (tool* t : {&open, &fresh})
    {
        t->send(long_head);
        CHECK(t->read().status == 431);
    }
}

TEST_CASE("offline: nothing goes upstream, whatever is asked for and however old what is kept is")
{
    three_a_second w;
    w.start();
    answer first = w.get(w.path(1));
    w.vendor->remove(w.id(2));
    w.clock_runs = true;
    CHECK(w.get(w.path(2)).status == 404);
    std::size_t before = w.vendor->requests();
    w.vendor->go_down();
    w.config.mode = run_mode::offline;
    w.start();
    w.clock.advance(29 * 24h);
    for (const char* asked : {"max-stale=1", "no-cache", "max-age=0", "only-if-cached"})
    {
        answer a = w.get(w.path(1), {{"Cache-Control", asked}});
        CHECK(a.status == 200);
        CHECK(a.body == first.body);
        CHECK(a.cache("detail") == "offline");
        CHECK(a.cache("hit") == "hit");
    }
    CHECK(w.get(w.path(2)).status == 404);
    CHECK(w.get(w.path(2)).cache("detail") == "offline");
    for (const std::string& as : {other_authorization, sim::basic("key", "wrong")})
    {
        answer a = w.get(w.path(1), {}, as);
        CHECK(a.status == 504);
        CHECK(contains(a.body, "callcache runs offline (mode)"));
        CHECK(a.cache("detail") == "offline");
    }
    answer pass = w.get("/v2/users");
    CHECK(pass.status == 504);
    CHECK(contains(pass.body, "nothing goes upstream"));
    CHECK(w.send("POST", "/v2/calls/extensive").status == 504);
    w.clock.advance(2 * 24h);  // beyond cache.calls.keep_max
    CHECK(w.get(w.path(1)).status == 504);
    CHECK(w.vendor->requests() == before);
    CHECK(contains(w.out.text(), "offline (mode): only what is kept is served"));
}

TEST_CASE("offline: a credential that the vendor refused reads nothing, nor who only knows a company's key")
{
    three_a_second w;
    w.config.credentials.share = credentials_share::company;
    w.config.credentials.company_keys = {"key", "other"};
    w.start();
    w.clock_runs = true;
    w.get(w.path(1));
    w.get(w.path(2), {}, other_authorization);
    w.vendor->withdraw(other_authorization);
    CHECK(w.get(w.path(3), {}, other_authorization).status == 401);
    w.config.mode = run_mode::offline;
    w.start();
    w.clock.advance(3 * 24h);
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.get(w.path(1), {}, other_authorization).status == 504);
    CHECK(w.get(w.path(1), {}, sim::basic("key", "wrong")).status == 504);
}

TEST_CASE("offline: it starts without the credential's files and without the certificate authorities; what was kept "
          "under the credential is found once it can be read")
{
    three_a_second w;
    w.config.credentials.mode = credentials_mode::inject;
    w.config.credentials.access_key = "key";
    w.config.credentials.access_key_secret = "secret";
    w.start();
    CHECK(w.get(w.path(1), {}, "").status == 200);
    w.config.mode = run_mode::offline;
    w.config.credentials.access_key = w.config.credentials.access_key_secret = "";
    w.config.credentials.access_key_file = w.folder.file("key");
    w.config.credentials.access_key_secret_file = w.folder.file("secret");
    w.config.upstream.ca_file = w.folder.file("absent.pem");
    w.start();
    CHECK(w.get(w.path(1), {}, "").status == 504);
    CHECK(contains(w.out.text(), "without the credential nothing that was kept under it is found"));
    std::ofstream(w.folder.file("key")) << "key";
    std::ofstream(w.folder.file("secret")) << "another";  // the key is who it is
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(1), {}, "").status == 200);
}

TEST_SUITE_END();
