// Random reads of several calls, of two credentials, while the vendor's calls change, fail, are purged and erased.
//
// No answer holds what its credential may not read, what was purged before the question, or a part of what was asked
// for; and nobody is refused for an id that was not their own.

#include "tests/support/budget_harness.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace callcache;
using namespace callcache::test;

namespace
{

constexpr std::uint64_t calls = 12;
constexpr std::uint64_t late_call = 3, poison = 5,
                        secret = 7;  // absent now and then; 400 now and then; of one credential

struct question
{
    std::vector<std::uint64_t> calls;
    bool is_other = false;
    std::vector<unsigned> least;  // the versions that were purged to, when it was asked
    std::unique_ptr<tool> by;
};

struct random_reads : three_a_second
{
    explicit random_reads(unsigned seed) : random(seed)
    {
        config.cache.transcripts = view_keeping::on;
        config.bulk.mode = seed % 2 ? bulk_mode::automatic : bulk_mode::off;
        config.budget.rate = config.budget.burst = 20;
        vendor_options.limits = {0, 0};
        vendor_options.catalogue.missing_every = 0;
        vendor_options.keys = {{authorization, {}}, {other_authorization, {}}};
        start();
        vendor->forbid(other_authorization, id(secret));
        get(path(900'000));
        get(path(900'000), {}, other_authorization);
    }

    std::size_t below(std::size_t n) { return std::size_t(random() % n); }

    void change_something()
    {
        const std::uint64_t n = below(calls);
        switch (below(9))
        {
        case 0:
        case 1:
            vendor->edit(id(n));
            ++version[n];
            break;
        case 2:
            CHECK(operate("POST", "/purge", "{\"ids\":[\"" + id(n) + "\"]}").status == 200);
            purged_to[n] = version[n];
            break;
        case 3:
            CHECK(operate("POST", "/purge", "{\"all\":true}").status == 200);
            purged_to = version;
            break;
        case 4: vendor->fail(id(poison), below(2) ? 400 : 0); break;
        case 5:
            vendor->transcribe(id(late_call),
                               below(2) ? sim::vendor::transcript_is::late : sim::vendor::transcript_is::there);
            break;
        case 6: clock.advance(std::chrono::minutes(1 + below(20))); break;
        case 7: clock.advance(std::chrono::hours(1 + below(6))); break;
        case 8: vendor->page(below(2) ? 2 : 1000); break;
        }
    }

    question ask()
    {
        question q;
        q.is_other = below(3) == 0;
        for (std::uint64_t n = 0; n < calls; ++n)
            if (below(3) == 0) q.calls.push_back(n);
        if (q.calls.empty()) q.calls.push_back(1);
        std::shuffle(q.calls.begin(), q.calls.end(), random);
        q.least = purged_to;
        std::string ids;
        for (std::uint64_t n : q.calls) ids += (ids.empty() ? "\"" : ",\"") + id(n) + "\"";
        const std::string body = "{\"filter\":{\"callIds\":[" + ids + "]}}";
        q.by = std::make_unique<tool>(*this);
        q.by->send("POST /@tool" + std::to_string(below(3)) +
                   "/v2/calls/transcript HTTP/1.1\r\nHost: localhost:4664\r\nAuthorization: " +
                   (q.is_other ? other_authorization : authorization) +
                   "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return q;
    }

    void check(const question& q, const answer& a)
    {
        CAPTURE(a.raw);
        auto asks = [&](std::uint64_t n) { return std::find(q.calls.begin(), q.calls.end(), n) != q.calls.end(); };
        if (a.status == 400)
        {
            CHECK(asks(poison));
            return;
        }
        const bool may_be_empty =
            q.calls.size() <= std::size_t(asks(late_call)) + std::size_t(q.is_other && asks(secret));
        if (a.status == 404)
        {
            CHECK(may_be_empty);
            return;
        }
        REQUIRE(a.status == 200);
        std::size_t at = 0;
        for (std::uint64_t n : q.calls)
        {
            const std::string begins = "{\"callId\":\"" + id(n) + "\"";
            const std::size_t found = a.body.find(begins);
            if (q.is_other && n == secret) CHECK(found == std::string::npos);
            if (found == std::string::npos)
            {
                CHECK((n == late_call || (q.is_other && n == secret)));
                continue;
            }
            if (a.cache("detail") != "pass") CHECK(found >= at);  // in the order of the request
            at = found;
            const std::string before_version = "Sentence 0 of " + id(n) + ", version ";
            const std::size_t text = a.body.find(before_version);
            REQUIRE(text != std::string::npos);
            const unsigned shown = unsigned(std::stoul(a.body.substr(text + before_version.size())));
            CHECK(shown >= q.least[n]);
            CHECK(shown <= version[n]);
        }
        CHECK(std::size_t(std::count(a.body.begin(), a.body.end(), '{')) > 0);
        for (std::uint64_t n = 0; n < calls; ++n)
            if (!asks(n)) CHECK(!contains(a.body, "\"callId\":\"" + id(n) + "\""));
    }

    std::mt19937 random;
    std::vector<unsigned> version = std::vector<unsigned>(calls), purged_to = std::vector<unsigned>(calls);
};

}  // namespace

TEST_SUITE_BEGIN("scenario: reads");

TEST_CASE("reads: whatever happens, no answer is wrong, partial, purged or another's")
{
    for (unsigned seed = 1; seed <= 8; ++seed)
    {
        CAPTURE(seed);
        random_reads w(seed);
        std::size_t asked = 0;
        for (int step = 0; step < 60; ++step)
        {
            std::vector<question> questions;
            for (std::size_t n = w.below(5); n-- > 0;) questions.push_back(w.ask());
            for (const question& q : questions) asked += q.calls.size();
            w.clock_runs = true;
            w.run_until([&] {
                return std::all_of(questions.begin(), questions.end(),
                                   [](const auto& q) { return q.by->has_answer(); });
            });
            w.clock_runs = false;
            for (question& q : questions) w.check(q, q.by->read());
            w.change_something();
        }
        CHECK(w.vendor->requests() < asked);
        CHECK(w.vendor->refused() == 0);
    }
}
