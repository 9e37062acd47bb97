// "Never wrong", through thousands of random events: tools that ask at once, writes, erasures and purges while lookups
// are on their way, answers of a gateway in the vendor's place, and strangers who break off what they send.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>

using namespace callcache;
using namespace callcache::test;

namespace
{

constexpr std::uint64_t calls = 5;
const std::string made_up = sim::basic("key", "made-up");  // the company's access key, and not its secret
const std::string erasure_path = "/v2/data-privacy/erase-data-for-email-address";

// Answers that are not the vendor's, to whatever is asked.
const std::array gateways{
    std::string("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    std::string("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
                "{\"message\":\"x\"}"),
    std::string("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    std::string("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    std::string("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
                "{\"requestId\":\"r\"}"),
};

// A tool whose question is under way.
struct asker
{
    std::unique_ptr<tool> connection;
    std::uint64_t call;
    unsigned at_least;  // the revision that an answer must have: of the last change that was answered before
};

struct busy_vendor : harness
{
    busy_vendor(bool company, unsigned seed) : random(seed)
    {
        vendor_options.catalogue.not_found_every = 0;
        config.budget.rate = config.budget.burst = 1000;
        config.budget.daily = 0;
        if (company)
        {
            config.credentials.share = credentials_share::company;
            config.credentials.company_keys = {"key", "other"};
        }
        start();
        for (const std::string& as : {authorization, other_authorization})
            REQUIRE(get(path(100), {{"Cache-Control", "no-cache"}}, as).status == 200);
    }
    unsigned below(unsigned n) { return unsigned(random() % n); }

    void ask()
    {
        asker a{std::make_unique<tool>(*this), below(calls), 0};
        a.at_least = answered_change[a.call];
        a.connection->send(request("GET", path(a.call), {}, below(2) ? authorization : other_authorization));
        askers.push_back(std::move(a));
    }

    // No answer is older than the last change that had been answered when its question came.
    void check_answers()
    {
        run_for_a_while();
        for (auto a = askers.begin(); a != askers.end();)
        {
            if (!a->connection->has_answer())
            {
                ++a;
                continue;
            }
            answer got = a->connection->read();
            if (got.status == 200)
            {
                CAPTURE(a->call);
                std::string call = harness::call_of(got);
                bool is_one = false;
                for (unsigned r = a->at_least; r <= revision[a->call] && !is_one; ++r)
                    is_one = call == vendor->catalogue().call(id(a->call), r);
                CHECK(is_one);
                ++good;
            }
            else
            {
                // A gateway's word on a call is nobody's: it is told as a failure.
                CHECK(got.status >= 500);
                CHECK(harness::call_of(got).empty());
            }
            a = askers.erase(a);
        }
    }
    void release_all()
    {
        for (std::uint64_t n = 0; n < calls; ++n) vendor->release(id(n));
    }

    void change(std::uint64_t n)
    {
        vendor->edit(id(n));
        ++revision[n];
    }
    // Something changes a call and is answered: from then on the call as it was is wrong.
    void write()
    {
        std::uint64_t n = below(calls);
        change(n);
        if (send("PUT", path(n) + "/media").status == 200) answered_change[n] = revision[n];
    }
    void erase()
    {
        change(below(calls));
        if (send("POST", erasure_path).status != 200) return;
        for (std::uint64_t n = 0; n < calls; ++n) answered_change[n] = revision[n];
    }
    void purge(bool all)
    {
        std::uint64_t n = below(calls);
        change(n);
        CHECK(operate("POST", "/purge", all ? "{\"all\":true}" : "{\"ids\":[\"" + id(n) + "\"]}").status == 200);
        for (std::uint64_t each = 0; each < calls; ++each)
            if (all || each == n) answered_change[each] = revision[each];
    }
    void restart()
    {
        release_all();
        for (int i = 0; i < 5; ++i) check_answers();
        askers.clear();
        start();
    }

    // With half of a body nobody drops anything, nor with a credential that the vendor never accepted.
    void stranger_writes()
    {
        bool was_kept = is_kept(0);
        std::string target = below(2) ? erasure_path : path(0) + "/media";
        bool is_long = below(2) == 0;
        std::size_t size = is_long ? 200'000 : 10;
        vendor->script(erasure_path, sim::scripted{"", is_long ? sim::then::hang : sim::then::reset});
        vendor->script(path(0) + "/media", sim::scripted{"", is_long ? sim::then::hang : sim::then::reset});
        {
            tool t(*this);
            t.send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " +
                   (is_long ? authorization : made_up) + "\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                   std::string(is_long ? size / 2 : size, 'x'));
            run_for_a_while();
            t.hang_up();
            run_for_a_while();
        }
        vendor->script(erasure_path, std::nullopt);
        vendor->script(path(0) + "/media", std::nullopt);
        if (was_kept) CHECK(is_kept(0));
        kept_through += was_kept;
    }
    bool is_kept(std::uint64_t n)
    {
        return get(path(n), {{"Cache-Control", "only-if-cached, max-stale"}}).status == 200;
    }

    // Whatever the gateway answers to it, a made-up credential reads nothing.
    void stranger_reads()
    {
        const std::array targets{path(below(calls)), std::string("/v2/calls?fromDateTime=2020-01-01T00:00:00Z"),
                                 std::string("/v2/calls/")};
        release_all();
        get(targets[below(3)], {}, made_up);
        run_for_a_while();
        CHECK(get(path(below(calls)), {{"Cache-Control", "only-if-cached, max-stale"}}, made_up).status == 504);
    }

    std::mt19937 random;
    std::vector<asker> askers;
    std::map<std::uint64_t, unsigned> revision, answered_change;
    bool gateway = false;
    int good = 0, kept_through = 0;
};

}  // namespace

TEST_SUITE_BEGIN("scenario: never wrong");

TEST_CASE(
    "whatever happens meanwhile: no answer is older than the last change that was answered, and no stranger counts")
{
    for (unsigned seed = 1; seed <= 4; ++seed)
    {
        CAPTURE(seed);
        busy_vendor w(seed % 2 == 0, seed);
        for (int step = 0; step < 400; ++step)
        {
            CAPTURE(step);
            w.clock.advance(std::chrono::milliseconds(1 + w.below(20'000)));
            unsigned event = w.below(100);
            if (event < 45)
                w.ask();
            else if (event < 60)
                w.vendor->hold(w.id(w.below(calls)));
            else if (event < 72)
                w.release_all();
            else if (event < 80)
                w.write();
            else if (event < 82)
                w.erase();
            else if (event < 86)
                w.purge(event == 85);
            else if (event < 91)
                w.stranger_writes();
            else if (event < 94)
                w.stranger_reads();
            else if (event < 98)
            {
                w.gateway = !w.gateway;
                w.vendor->script("", w.gateway ? std::optional(sim::scripted{gateways[w.below(gateways.size())]})
                                               : std::nullopt);
            }
            else
                w.restart();
            w.check_answers();
        }
        CHECK(w.good > 60);
        CHECK(w.kept_through > 2);
    }
}

TEST_SUITE_END();
