// How `callcache warm` goes through a range: against the simulated vendor's list, and answer by answer.

#include "server/commands/warming.hpp"

#include "cache/call_answer.hpp"
#include "cache/rfc3339.hpp"
#include "server/commands/warm_progress.hpp"
#include "tests/sim/api.hpp"
#include "tests/sim/wire.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace callcache;
using namespace std::chrono_literals;
using what = warm_step::what;

namespace
{

const wall_time october = *parse_warm_date("2026-10-01"), november = *parse_warm_date("2026-11-01");
const wall_time now = *parse_warm_date("2026-11-24");
const std::string page_of_one = R"({"requestId":"r","records":{"totalRecords":1},"calls":[{"id":"1"}]})";

warming october_begins()
{
    return warming(warm_beginning(october, november, "", "w"));
}

upstream_answer answer(unsigned status, std::string body = "", std::vector<field> further = {})
{
    upstream_answer a{status, std::move(further), std::move(body)};
    a.fields.emplace_back("Cache-Status",
                          "callcache; fwd=bypass; fwd-status=" + std::to_string(status) + "; detail=pass");
    return a;
}

upstream_answer own(unsigned status, std::vector<field> further = {})
{
    upstream_answer a{status, std::move(further), R"({"requestId":"cc-1","errors":["callcache: so it is"]})"};
    a.fields.emplace_back("Cache-Status", "callcache; detail=limited");
    return a;
}

std::string page(const std::string& cursor, int calls = 1)
{
    std::string all;
    for (int i = 0; i < calls; ++i) all += (i ? ",{\"id\":\"" : "{\"id\":\"") + std::to_string(i) + "\"}";
    return R"({"requestId":"r","records":{"totalRecords":1000,"cursor":")" + cursor + R"("},"calls":[)" + all + "]}";
}

// A month of 20,000 calls.
struct month
{
    month()
    {
        vendor.catalogue.count = 20'000;
        vendor.catalogue.not_found_every = 0;
        vendor.catalogue.fill_month(october);
        vendor.keys[""] = {};
    }

    warm_step ask(warming& w)
    {
        std::string target = w.target();
        REQUIRE(target.starts_with("/@warm/v2/calls?"));
        ++asked[target];
        sim::sim_request r;
        r.method = "GET";
        r.path = "/v2/calls";
        r.query = target.substr(target.find('?') + 1);
        reply a = vendor.answer(r, "", time);
        if (auto read = read_bulk_answer(a.body, bulk_kind::list); read && a.status == 200)
            for (const call_answer& c : read->calls) ++seen[c.id];
        return w.take(answer(a.status, a.body), time);
    }

    int most_often_seen() const
    {
        int most = 0;
        for (const auto& [id, times] : seen) most = std::max(most, times);
        return most;
    }

    sim::api vendor;
    wall_time time = now;
    std::map<std::string, int> asked, seen;
};

}  // namespace

TEST_CASE("warming: a month of 20,000 calls is read once, with about 200 API calls")
{
    month m;
    warming w = october_begins();
    double done = 0;
    while (m.ask(w).next == what::page)
    {
        CHECK(share_done(w.state()) >= done);
        done = share_done(w.state());
        REQUIRE(m.asked.size() < 1000);
    }
    CHECK(m.seen.size() == 20'000);
    CHECK(m.most_often_seen() == 1);
    CHECK(w.state().calls == 20'000);
    CHECK(w.state().api_calls == m.asked.size());
    CHECK(m.asked.size() < 215);
    CHECK(share_done(w.state()) == 1);
}

TEST_CASE("warming: who goes on from the file asks for the page that comes next, after each page of the month")
{
    month m;
    warm_state s = warm_beginning(october, november, "", "w");
    for (;;)
    {
        auto read = read_warm_state(text_of(s));
        REQUIRE(read);
        CHECK(*read == s);
        warming w(*read);
        if (m.ask(w).next != what::page) break;
        s = w.state();
    }
    CHECK(m.seen.size() == 20'000);
    CHECK(m.most_often_seen() == 1);
}

TEST_CASE("warming: an expired cursor begins its part of the range again, and no other")
{
    month m;
    warming w = october_begins();
    while (m.asked.size() < 100 || w.state().cursor.empty()) REQUIRE(m.ask(w).next == what::page);
    wall_time part = w.state().part_from;
    std::uint64_t again = w.state().part_calls;
    REQUIRE(again > 0);
    m.time += 1h;
    CHECK(m.ask(w).next == what::page);
    CHECK(w.state().part_from == part);
    CHECK(w.state().cursor.empty());
    for (int i = 0; m.ask(w).next == what::page; ++i) REQUIRE(i < 1000);
    CHECK(m.seen.size() == 20'000);
    CHECK(w.state().calls == 20'000);
    std::uint64_t twice = 0;
    for (const auto& [id, times] : m.seen) twice += std::uint64_t(times) - 1;
    CHECK(twice == again);
}

TEST_CASE("warming: a list that goes round ends it, and a cursor that stays the same does not")
{
    warming same = october_begins(), round = october_begins();
    for (int calls = 1; calls <= 5; ++calls) CHECK(same.take(answer(200, page("c", calls)), now).next == what::page);
    CHECK(round.take(answer(200, page("a", 1)), now).next == what::page);
    CHECK(round.take(answer(200, page("b", 2)), now).next == what::page);
    warm_step step = round.take(answer(200, page("a", 1)), now);
    CHECK(step.next == what::stop);
    CHECK(step.why.find("goes round") != std::string::npos);
    CHECK(round.state().api_calls == 3);
}

TEST_CASE("warming: an expired cursor may bring the pages of its part again")
{
    warming w = october_begins();
    CHECK(w.take(answer(200, page("a", 1)), now).next == what::page);
    CHECK(w.take(answer(400, R"({"requestId":"r","errors":["cursor has expired"]})"), now).next == what::page);
    CHECK(w.take(answer(200, page("a", 1)), now).next == what::page);
}

TEST_CASE("warming: a cursor that expires again and again ends it")
{
    month m;
    m.vendor.cursor_life = 0s;
    warming w = october_begins();
    warm_step step;
    for (int i = 0; i < 100 && step.next == what::page; ++i) step = m.ask(w);
    CHECK(step.next == what::stop);
    CHECK(step.why.find("expires again and again") != std::string::npos);
    CHECK(w.state().api_calls == 8);
}

TEST_CASE("warming: a 404 is an empty part, and after empty parts come longer ones")
{
    warming w = october_begins();
    int asked = 1;
    while (w.take(answer(404), now).next == what::page) ++asked;
    CHECK(asked == 5);  // of 1, 2, 4, 8 and 16 days
    CHECK(w.state().calls == 0);
    CHECK(w.state().part_from == november);
}

TEST_CASE("warming: a page without calls is the last of its part, whatever its cursor says")
{
    warming w = october_begins();
    CHECK(w.take(answer(200, page("c")), now).next == what::page);
    CHECK(w.target().ends_with("&cursor=c"));
    CHECK(w.take(answer(200, page("c", 0)), now).next == what::page);
    CHECK(w.state().part_from == october + 24h);
    CHECK(w.state().cursor.empty());
}

TEST_CASE("warming: times, workspace and cursor are encoded in the target")
{
    warming w(warm_beginning(*parse_warm_date("2026-10-01T08:00:00.5+02:00"), november, "12", "w"));
    w.take(answer(200, page("a+b/c=&d")), now);
    CHECK(w.target() == "/@warm/v2/calls?fromDateTime=2026-10-01T06%3A00%3A00Z&toDateTime=2026-10-02T06%3A00%3A00Z"
                        "&workspaceId=12&cursor=a%2Bb%2Fc%3D%26d");
}

TEST_CASE("warming: a 429 is waited for as long as it says, however often it comes")
{
    warming w = october_begins();
    const std::string before = w.target();
    for (int i = 0; i < 50; ++i)
    {
        warm_step vendors =
            w.take(answer(429, R"({"errors":["API rate limit exceeded"]})", {{"Retry-After", "7200"}}), now);
        CHECK(vendors.next == what::again);
        CHECK(vendors.wait == 2h);
        warm_step queue = w.take(own(429, {{"Retry-After", "31"}, {"RateLimit", "\"second\";r=0;t=31"}}), now);
        CHECK(queue.next == what::again);
        CHECK(queue.wait == 31s);
        CHECK(queue.why == "callcache: so it is (429)");
    }
    CHECK(w.target() == before);
    CHECK(w.state().api_calls == 50);  // those that the vendor answered
}

TEST_CASE("warming: it stops where the day's budget is not for it, and only callcache can say so")
{
    warming w = october_begins();
    std::vector<field> day{{"Retry-After", "60"}, {"RateLimit", "\"day\";r=1000;t=60"}};
    CHECK(w.take(answer(429, "{}", day), now).next == what::again);
    warm_step step = w.take(own(429, day), now);
    CHECK(step.next == what::stop);
    CHECK(step.why == "callcache: so it is (429)");
}

TEST_CASE("warming: what fails is asked again, later each time, as often as a restart may need")
{
    warming w = october_begins();
    const upstream_failure refused{upstream_failure::kind::unreachable, "connection refused"};
    for (int round = 0; round < 2; ++round)
    {
        std::vector<std::int64_t> waits;
        for (int i = 0; i < 10; ++i)
        {
            warm_step step = w.take(refused, now);
            REQUIRE(step.next == what::again);
            waits.push_back(step.wait.count());
        }
        CHECK(waits == std::vector<std::int64_t>{1, 2, 4, 8, 16, 30, 30, 30, 30, 30});
        CHECK(w.take(answer(200, page("c", round + 1)), now).next == what::page);  // and it starts anew
    }
    for (int i = 0; i < 10; ++i) CHECK(w.take(own(503, {{"Retry-After", "1"}}), now).wait == 1s);
    CHECK(w.take(refused, now).next == what::stop);
    CHECK(w.take(answer(200, "<html>"), now).next == what::stop);
}

TEST_CASE("warming: what is no page, nor a passing trouble, ends it with the words of whoever said no")
{
    for (unsigned status : {301u, 400u, 401u, 403u})
    {
        CAPTURE(status);
        warming w = october_begins();
        warm_step step = w.take(answer(status, R"({"errors":["No such\nluck"]})"), now);
        CHECK(step.next == what::stop);
        CHECK(step.why == "No such?luck (" + std::to_string(status) + ")");
    }
    warming not_callcache = october_begins();
    upstream_answer bare{404, {}, "<html>"};
    CHECK(not_callcache.take(bare, now).why == "status 404");
}

TEST_CASE("warming: dates are days of UTC or RFC 3339")
{
    CHECK(format_rfc3339(*parse_warm_date("2026-10-01")) == "2026-10-01T00:00:00Z");
    CHECK(format_rfc3339(*parse_warm_date("2026-10-01T00:00:00+02:00")) == "2026-09-30T22:00:00Z");
    for (std::string bad : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-1-1", "2026-10-01T", "2026-10-01 "})
        CHECK_FALSE(parse_warm_date(bad));
}

TEST_CASE("warming: a file that is none is not gone on from")
{
    const std::string good = text_of(warm_beginning(october, november, "5", "w"));
    REQUIRE(read_warm_state(good));
    for (std::size_t n = 0; n + 1 < good.size(); ++n) CHECK_FALSE(read_warm_state(good.substr(0, n)));
    for (std::string bad : {"", "[]", "null", "{}", R"({"from": 5})"}) CHECK_FALSE(read_warm_state(bad));
    std::string backwards = good;
    backwards.replace(backwards.find("2026-10-01"), 10, "2026-12-01");
    CHECK_FALSE(read_warm_state(backwards));
}

TEST_CASE("warming: the bar and the line say how far it is and how long it will take")
{
    warm_state began = warm_beginning(october, october + 24h * 10, "", "w"), s = began;
    CHECK(progress_text(began, s, 0s) == "0 %, 0 calls seen, 0 API calls spent");
    s.part_from = october + 24h * 4;
    s.part_to = october + 24h * 6;
    s.part_calls = 50;
    s.part_total = 100;
    s.calls = 12'345;
    s.api_calls = 124;
    CHECK(progress_bar(began, s, 50s) ==
          "[###############---------------] 50 %, 12,345 calls seen, 124 API calls spent, about 50 s left");
    CHECK(progress_text(s, s, 50s) == "50 %, 12,345 calls seen, 124 API calls spent");
    s.part_from = s.part_to = s.to;
    CHECK(progress_text(began, s, 50s) == "100 %, 12,345 calls seen, 124 API calls spent");
}
