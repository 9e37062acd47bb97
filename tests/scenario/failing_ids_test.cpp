// What Gong says of one id again and again is asked for once in a while only, and spoils nothing for other ids.

#include "cache/rfc3339.hpp"
#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct failing_harness : three_a_second
{
    std::size_t bulk_requests() const
    {
        const auto& heads = vendor->heads();
        return std::size_t(std::count_if(heads.begin(), heads.end(), [](const std::string& h) {
            return h.starts_with("POST /v2/calls/extensive");
        }));
    }

    // A proxy under which Gong has accepted the credential, with room in the window.
    void start_trusted()
    {
        start();
        get(path(900'000));
        clock.advance(3s);
    }

    // How many of the calls from `first` on, asked for at once, are answered 200.
    std::size_t found_of(std::uint64_t first, std::uint64_t count)
    {
        std::vector<std::unique_ptr<tool>> tools;
        for (std::uint64_t n = first; n < first + count; ++n) tools.push_back(asks(path(n)));
        settle();
        answered(tools);
        return std::size_t(std::count_if(tools.begin(), tools.end(), [](auto& t) { return t->read().status == 200; }));
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: ids that fail");

TEST_CASE(
    "failing ids: a 400, 403, 410 or 500 is asked for again after 10 s, then after 20, and answered from here before")
{
    failing_harness w;
    w.start_trusted();
    std::uint64_t n = 0;
    for (unsigned status : {400u, 403u, 410u, 500u})
    {
        w.vendor->fail(w.id(++n), status);
        const std::string first = w.get(w.path(n)).body;
        for (int second = 0; second < 9; ++second)
        {
            w.clock.advance(1s);
            answer a = w.get(w.path(n));
            CHECK(a.status == status);
            CHECK(a.body == first);
            CHECK(a.header("age") == std::to_string(second + 1));
            CHECK(a.cache("hit") == "hit");
            CHECK(a.cache("detail") == "negative");
        }
        CHECK(w.vendor->requests(w.id(n)) == 1);
        w.clock.advance(1s);
        CHECK(w.get(w.path(n)).status == status);
        CHECK(w.vendor->requests(w.id(n)) == 2);
        w.clock.advance(19s);
        CHECK(w.get(w.path(n)).status == status);
        CHECK(w.vendor->requests(w.id(n)) == 2);
        w.vendor->fail(w.id(n), 0);
        w.clock.advance(1s);
        CHECK(w.get(w.path(n)).status == 200);
    }
}

TEST_CASE("failing ids: what is not Gong's word is not remembered, nor is one credential's told to another")
{
    failing_harness w;
    w.vendor_options.keys = {{authorization, {}}, {other_authorization, {}}};
    w.start_trusted();
    const std::string page = "<h1>no</h1>";
    w.vendor->script(w.id(1), sim::scripted{"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: " +
                                            std::to_string(page.size()) + "\r\n\r\n" + page});
    w.get(w.path(1));
    w.get(w.path(1));
    CHECK(w.vendor->requests(w.id(1)) == 2);
    w.clock.advance(3s);
    w.vendor->forbid(authorization, w.id(2));
    CHECK(w.get(w.path(2)).status == 403);
    CHECK(w.get(w.path(2), {}, other_authorization).status == 200);
}

TEST_CASE("failing ids: a purge ends what is remembered, and so does a list that brings the call")
{
    failing_harness w;
    w.start_trusted();
    w.vendor->fail(w.id(1), 500);
    CHECK(w.get(w.path(1)).status == 500);
    w.vendor->fail(w.id(1), 0);
    CHECK(w.get(w.path(1)).status == 500);
    w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(1) + "\"]}");
    CHECK(w.get(w.path(1)).status == 200);

    w.clock.advance(3s);
    w.vendor->fail(w.id(2), 500);
    CHECK(w.get(w.path(2)).status == 500);
    const std::size_t before = w.vendor->requests(w.id(2));
    const wall_time started = w.vendor->catalogue().started(2);
    const std::string page =
        "/v2/calls?fromDateTime=" + format_rfc3339(started) + "&toDateTime=" + format_rfc3339(started + 1s);
    CHECK(w.get(page).status == 200);
    w.settle();
    CHECK(w.get(w.path(2)).cache("hit") == "hit");
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.vendor->requests(w.id(2)) == before);
}

TEST_CASE("failing ids: after a 500 what is kept is served, also while it is not asked for again")
{
    failing_harness w;
    w.start_trusted();
    w.get(w.path(1));
    w.clock.advance(2h);
    w.vendor->fail(w.id(1), 500);
    for (int i = 0; i < 3; ++i)
    {
        answer a = w.get(w.path(1));
        CHECK(a.status == 200);
        CHECK(a.cache("detail") == "error");
    }
    CHECK(w.vendor->requests(w.id(1)) == 2);
}

TEST_CASE("failing ids: one bad id in a bulk read costs the others a few API calls, and bulk reads go on")
{
    for (unsigned status : {400u, 500u})
    {
        CAPTURE(status);
        failing_harness w;
        w.config.bulk.mode = bulk_mode::automatic;
        w.start_trusted();
        w.vendor->fail(w.id(20), status);
        const std::size_t before = w.vendor->requests();
        CHECK(w.found_of(1, 40) == 39);
        CHECK(w.vendor->requests() - before <= 24);  // the halves, and what goes alone until a bulk read has worked
        w.clock.advance(3s);
        const std::size_t bulk_before = w.bulk_requests(), all_before = w.vendor->requests();
        CHECK(w.found_of(101, 40) == 40);
        CHECK(w.bulk_requests() > bulk_before);
        CHECK(w.vendor->requests() - all_before <= 10);  // as they arrive, in two or three bulk reads
    }
}

TEST_CASE("failing ids: calls that Gong always answers 502, 503 or 504 cost those who ride with them nothing")
{
    for (unsigned status : {502u, 503u, 504u})
    {
        CAPTURE(status);
        failing_harness w;
        w.config.bulk.mode = bulk_mode::automatic;
        w.start_trusted();
        for (std::uint64_t n : {5, 20, 33}) w.vendor->fail(w.id(n), status);
        const std::size_t before = w.vendor->requests();
        CHECK(w.found_of(1, 40) == 37);
        CHECK(w.cache->misses().report().is_up);
        CHECK(w.vendor->requests() - before <= 50);
        w.clock.advance(3s);
        const std::size_t bulk_before = w.bulk_requests();
        CHECK(w.found_of(101, 40) == 40);
        CHECK(w.bulk_requests() > bulk_before);
    }
}

TEST_CASE("failing ids: a vendor that answers every bulk read with 400 gets two dozen requests too many, and no more")
{
    failing_harness w;
    w.config.bulk.mode = bulk_mode::automatic;
    w.start_trusted();
    const std::string body = R"({"requestId":"r","errors":["no"]})";
    w.vendor->script("/v2/calls/extensive",
                     sim::scripted{"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body});
    const std::size_t before = w.vendor->requests();
    CHECK(w.found_of(1, 40) == 40);
    CHECK(w.bulk_requests() <= 12);
    CHECK(w.vendor->requests() - before <= 52);
}

TEST_SUITE_END();
