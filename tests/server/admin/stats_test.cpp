#include "server/admin/stats.hpp"

#include <doctest/doctest.h>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time noon = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;
constexpr std::int64_t noon_seconds = 1'790'856'000;

// The value at "/budget/spent" of what /stats says.
class shown
{
public:
    explicit shown(const overview& o)
    {
        document_.Parse(stats_document(o).c_str());
        REQUIRE_FALSE(document_.HasParseError());
    }
    bool is_null(const char* pointer) const { return at(pointer).IsNull(); }
    double number(const char* pointer) const
    {
        REQUIRE(at(pointer).IsNumber());
        return at(pointer).GetDouble();
    }
    std::int64_t whole(const char* pointer) const
    {
        REQUIRE(at(pointer).IsInt64());
        return at(pointer).GetInt64();
    }

private:
    const rapidjson::Value& at(const char* pointer) const
    {
        CAPTURE(pointer);
        const rapidjson::Value* v = rapidjson::Pointer(pointer).Get(document_);
        REQUIRE(v);
        return *v;
    }
    rapidjson::Document document_;
};

constexpr const char *p50 = "/upstream/by_kind/lookup/p50_seconds", *p99 = "/upstream/by_kind/lookup/p99_seconds";

// That many answers to lookups, each after so long.
using group = std::pair<int, std::chrono::microseconds>;
shown after(const std::vector<group>& groups)
{
    upstream_counts counts;
    for (const auto& [count, took] : groups)
        for (int n = 0; n < count; ++n) counts.ended(upstream_kind::lookup, 200, took);
    overview o;
    o.upstream.totals = counts.total();
    return shown(o);
}

}  // namespace

TEST_CASE("stats: p50 and p99 lie in the bucket of the answer in question, as far in as that stands among its fellows")
{
    shown half = after({{50, 900us}, {50, 400ms}});
    CHECK(half.number(p50) == doctest::Approx(0.001));  // the last one of those from 0.5 to 1 ms
    CHECK(half.number(p99) == doctest::Approx(0.492));  // the 49th of 50 from 0.1 to 0.5 s
    shown mostly_slow = after({{10, 3ms}, {90, 200ms}});
    CHECK(mostly_slow.number(p50) == doctest::Approx(0.1 + 0.4 * 40 / 90));
    CHECK(mostly_slow.number(p99) == doctest::Approx(0.1 + 0.4 * 89 / 90));
    shown seldom_slow = after({{98, 3ms}, {2, 7s}});
    CHECK(seldom_slow.number(p50) == doctest::Approx(0.001 + 0.004 * 50 / 98));
    CHECK(seldom_slow.number(p99) == doctest::Approx(7.5));  // the first one of two from 5 to 10 s
}

TEST_CASE("stats: the first bucket begins at zero, and what takes longer than the last bound is at least that")
{
    CHECK(after({{1, 1us}}).number(p50) == doctest::Approx(0.00005));
    CHECK(after({{1, 1us}}).number(p99) == doctest::Approx(0.000099));
    shown long_ones = after({{10, 3ms}, {90, 40s}});
    CHECK(long_ones.number(p50) == doctest::Approx(30));
    CHECK(long_ones.number(p99) == doctest::Approx(30));
}

TEST_CASE("stats: without an answer there is no p50, and each kind has its own")
{
    overview o;
    o.upstream.totals.by_kind[upstream_kind::lookup] = {};
    upstream_counts bulk;
    bulk.ended(upstream_kind::bulk, 200, 2s);
    o.upstream.totals.by_kind[upstream_kind::bulk] = bulk.total().by_kind.at(upstream_kind::bulk);
    shown s(o);
    CHECK(s.is_null(p50));
    CHECK(s.is_null(p99));
    CHECK(s.whole("/upstream/by_kind/lookup/requests") == 0);
    CHECK(s.number("/upstream/by_kind/bulk/p50_seconds") == doctest::Approx(1.75));
}

TEST_CASE("stats: timestamps are whole seconds since 1970, and null where there is nothing to come")
{
    overview o;
    o.now = noon + 999ms;
    o.started = noon - 2h;
    o.last_hour = {{noon - 1min, {{outcome::hit, 2}}}, {noon, {}}};
    o.latest_errors = {{"something", 3, noon - 5s}};
    shown quiet(o);
    CHECK(quiet.whole("/now_timestamp") == noon_seconds);
    CHECK(quiet.whole("/started_timestamp") == noon_seconds - 7200);
    CHECK(quiet.whole("/requests/last_hour_by_minute/0/timestamp") == noon_seconds - 60);
    CHECK(quiet.whole("/requests/last_hour_by_minute/0/hit") == 2);
    CHECK(quiet.whole("/requests/last_hour_by_minute/1/timestamp") == noon_seconds);
    CHECK(quiet.whole("/recent_errors/0/timestamp") == noon_seconds - 5);
    CHECK(quiet.whole("/recent_errors/0/count") == 3);
    CHECK(quiet.is_null("/budget/exhausted_timestamp"));
    CHECK(quiet.is_null("/budget/paused_until_timestamp"));

    o.now = noon;
    o.upstream.spending.ends_in = 90min;
    o.upstream.spending.paused_for = 45s;
    shown busy(o);
    CHECK(busy.whole("/budget/exhausted_timestamp") == noon_seconds + 5400);
    CHECK(busy.whole("/budget/paused_until_timestamp") == noon_seconds + 45);
    o.upstream.spending.ends_in = 0s;
    CHECK(shown(o).whole("/budget/exhausted_timestamp") == noon_seconds);
}

TEST_CASE("stats: a day without a limit has nothing left to count, and an answer without a status is `none`")
{
    overview o;
    CHECK(shown(o).is_null("/budget/left"));
    o.upstream.spending.daily = 10;
    o.upstream.spending.left = 7;
    upstream_counts counts;
    counts.ended(upstream_kind::lookup, 0, 1s);
    counts.ended(upstream_kind::pass, 0, 1s);
    counts.ended(upstream_kind::pass, 404, 1s);
    o.upstream.totals = counts.total();
    shown s(o);
    CHECK(s.whole("/budget/left") == 7);
    CHECK(s.whole("/upstream/by_status/none") == 2);
    CHECK(s.whole("/upstream/by_status/404") == 1);
}
