#include "server/fetch/failing_ids.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'790'000'000s};
const digest one = sha256("one"), other = sha256("other");

failing_ids::known no(wall_time sent_at, std::string body = R"({"requestId":"r","errors":["no"]})",
                      unsigned status = 400)
{
    failing_ids::known k;
    k.times.sent_at = sent_at;
    k.answer = std::make_shared<const upstream_answer>(upstream_answer{status, {}, std::move(body)});
    return k;
}

duration holds_for(const failing_ids& ids)
{
    return ids.find(one, "1")->times.fresh_for;
}

}  // namespace

TEST_CASE("failing ids: a no holds for 10 s, twice as long each time, a minute at most on its first day, then an hour")
{
    failing_ids ids;
    wall_time now = t0;
    for (auto expected : {10s, 20s, 40s, 60s, 60s})
    {
        ids.failed(one, "1", no(now), calls_settings());
        CHECK(holds_for(ids) == expected);
        now += expected;
    }
    now = t0 + 24h;
    for (auto expected : {120s, 240s, 480s, 960s, 1920s, 3600s, 3600s})
    {
        ids.failed(one, "1", no(now), calls_settings());
        CHECK(holds_for(ids) == expected);
    }
    ids.forget(one, "1");
    CHECK(ids.find(one, "1") == nullptr);
    ids.failed(one, "1", no(now), calls_settings());
    CHECK(holds_for(ids) == 10s);
}

TEST_CASE("failing ids: it is one credential's and one id's, and the last answer is the one that is given")
{
    failing_ids ids;
    ids.failed(one, "1", no(t0, "first"), calls_settings());
    ids.failed(one, "1", no(t0 + 10s, "second", 500), calls_settings());
    CHECK(ids.find(one, "1")->answer->body == "second");
    CHECK(ids.find(one, "1")->answer->status == 500);
    CHECK(ids.find(one, "2") == nullptr);
    CHECK(ids.find(other, "1") == nullptr);
}

TEST_CASE("failing ids: they are bounded, in number and in size, and the one that ends first gives way")
{
    failing_ids ids;
    ids.failed(one, "big", no(t0, std::string(100, 'x')), calls_settings());
    ids.failed(one, "big", no(t0, std::string(5000, 'x')), calls_settings());
    CHECK(ids.find(one, "big") == nullptr);
    for (int n = 0; n < 2000; ++n) ids.failed(one, std::to_string(n), no(t0 + n * 1ms), calls_settings());
    CHECK(ids.find(one, "0") == nullptr);
    CHECK(ids.find(one, "975") == nullptr);
    CHECK(ids.find(one, "976") != nullptr);
    CHECK(ids.find(one, "1999") != nullptr);
}
