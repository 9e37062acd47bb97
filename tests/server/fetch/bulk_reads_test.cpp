#include "server/fetch/bulk_reads.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'790'000'000s};

struct reads
{
    bulk_reads b{bulk_settings{}};
    partitions known{"salt", "https://api.gong.io", {}};
    partition_ptr whose = known.of("basic", "a"), other = known.of("basic", "b");

    reads()
    {
        known.enroll(*whose);
        known.enroll(*other);
    }
    std::size_t takes(std::size_t waiting, duration last_turn, bool stretched = false)
    {
        return b.takes_along(*whose, true, waiting, last_turn, stretched);
    }
    void end(bulk_end how, std::size_t found = 10, duration took = 300ms)
    {
        b.begins(*whose);
        b.ends(*whose, how, took, 10, found, t0);
    }
};

}  // namespace

TEST_CASE("bulk reads: none before the credential is trusted, or when nobody waits, or when off")
{
    reads r;
    CHECK(r.b.takes_along(*r.whose, false, 50, 10s, false) == 0);
    CHECK(r.takes(0, 0s) == 0);
    CHECK(r.takes(50, 10s) == 99);
    bulk_reads off({bulk_mode::off, 100});
    CHECK_FALSE(off.is_possible(*r.whose, t0));
}

TEST_CASE("bulk reads: they pay when the single ones would take longer than a bulk read has been taking")
{
    reads r;
    CHECK(r.takes(2, 0s) == 0);
    CHECK(r.takes(2, 1ms) == 99);
    for (int i = 0; i < 40; ++i) r.end(bulk_end::read, 10, 5s);
    for (int i = 0; i < 40; ++i) r.b.single_took(100ms);
    CHECK(r.takes(10, 4s) == 0);
    CHECK(r.takes(20, 6s) == 99);
    CHECK(r.takes(2, 0s, true) == 99);  // the day runs out
}

TEST_CASE("bulk reads: one at a time until the first has worked")
{
    reads r;
    r.b.begins(*r.whose);
    CHECK(r.takes(50, 10s) == 0);
    CHECK(r.b.takes_along(*r.other, true, 50, 10s, false) == 99);
    r.b.ends(*r.whose, bulk_end::read, 300ms, 10, 9, t0);
    r.b.begins(*r.whose);
    CHECK(r.takes(50, 10s) == 99);
}

TEST_CASE("bulk reads: a refusal ends them for an hour, two failures in a row too, an outage says nothing")
{
    reads r;
    r.end(bulk_end::refused, 0);
    CHECK_FALSE(r.b.is_possible(*r.whose, t0 + 1h - 1s));
    CHECK(r.b.is_possible(*r.whose, t0 + 1h));
    CHECK(r.b.is_possible(*r.other, t0));

    reads f;
    f.end(bulk_end::failed, 0);
    f.end(bulk_end::read);
    f.end(bulk_end::failed, 0);
    for (int i = 0; i < 5; ++i) f.end(bulk_end::unknown, 0);
    CHECK(f.b.is_possible(*f.whose, t0));
    f.end(bulk_end::failed, 0);
    CHECK_FALSE(f.b.is_possible(*f.whose, t0));
}

TEST_CASE("bulk reads: one check a day for each credential, and a difference ends them for a day")
{
    reads r;
    CHECK(r.b.claims_check(*r.whose, t0));
    CHECK_FALSE(r.b.claims_check(*r.whose, t0 + 23h));
    CHECK(r.b.claims_check(*r.other, t0));
    CHECK(r.b.claims_check(*r.whose, t0 + 24h));
    r.b.not_checked(*r.whose);
    CHECK(r.b.claims_check(*r.whose, t0 + 25h));
    r.b.checked(*r.whose, false, t0);
    CHECK(r.b.is_possible(*r.whose, t0));
    r.b.checked(*r.whose, true, t0);
    CHECK_FALSE(r.b.is_possible(*r.whose, t0 + 23h));
    CHECK(r.b.report().checks == 2);
    CHECK(r.b.report().differences == 1);
}

TEST_CASE("bulk reads: what is saved is all but one call of each answer")
{
    reads r;
    r.end(bulk_end::read, 8);
    r.end(bulk_end::read, 0);
    CHECK(r.b.report().batches == 2);
    CHECK(r.b.report().calls == 8);
    CHECK(r.b.report().saved == 7);
    CHECK(r.b.report().fallbacks == 12);
}

TEST_CASE("bulk reads: what one of many calls may have spoiled says nothing; smaller ones will")
{
    reads r;
    r.end(bulk_end::read);
    for (std::size_t asked : {100, 50, 25, 13, 7, 4})
    {
        r.b.begins(*r.whose);
        r.b.ends(*r.whose, bulk_end::spoiled, 300ms, asked, 0, t0);
    }
    CHECK(r.b.is_possible(*r.whose, t0));
    CHECK(r.takes(50, 10s) == 99);
}

TEST_CASE(
    "bulk reads: two spoiled pairs whose calls were all right end them for an hour; a call that was not explains one")
{
    reads r;
    auto spoil_pair = [&] {
        r.b.begins(*r.whose);
        r.b.ends(*r.whose, bulk_end::spoiled, 300ms, 2, 0, t0);
    };
    for (int i = 0; i < 10; ++i)
    {
        spoil_pair();
        r.b.explained(*r.whose);
    }
    CHECK(r.b.is_possible(*r.whose, t0));
    spoil_pair();
    r.end(bulk_end::read);  // one that is read ends the row
    spoil_pair();
    CHECK(r.b.is_possible(*r.whose, t0));
    spoil_pair();
    CHECK_FALSE(r.b.is_possible(*r.whose, t0));
    CHECK_FALSE(r.b.is_possible(*r.whose, t0 + 1h - 1s));
    CHECK(r.b.is_possible(*r.whose, t0 + 1h));
}
