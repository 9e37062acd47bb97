#include "cache/trust.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const wall_time t0{1'700'000'000s};

trust after(duration age, milliseconds lasts = 1h, milliseconds stale_if_error = 7 * 24h)
{
    settings s;
    s.credentials.trust = lasts;
    s.cache.calls.stale_if_error = stale_if_error;
    return trust_at(t0, t0 + age, s);
}

}  // namespace

TEST_CASE("trust: good up to 80 %, renewed up to twice the time, then asked for, then none")
{
    CHECK(after(0s) == trust::good);
    CHECK(after(48min - 1us) == trust::good);
    CHECK(after(48min) == trust::renew);
    CHECK(after(1h) == trust::renew);
    CHECK(after(2h - 1us) == trust::renew);
    CHECK(after(2h) == trust::ask);
    CHECK(after(7 * 24h + 2h - 1us) == trust::ask);
    CHECK(after(7 * 24h + 2h) == trust::none);
    CHECK(after(365 * 24h) == trust::none);
}

TEST_CASE("trust: a credential that was never confirmed, or refused since, reads nothing")
{
    CHECK(trust_at(std::nullopt, t0, {}) == trust::none);
}

TEST_CASE("trust: none at all asks each time, and an outage extends it only as far as stale_if_error")
{
    CHECK(after(0s, 0ms) == trust::ask);
    CHECK(after(1us, 0ms) == trust::ask);
    CHECK(after(0s, 0ms, 0ms) == trust::none);
    CHECK(after(2h, 1h, 0ms) == trust::none);
}

TEST_CASE("trust: a small step back of the clock costs nothing")
{
    CHECK(after(-1s) == trust::good);
    CHECK(after(-5min) == trust::good);
}

TEST_CASE("trust: a confirmation from a time that has not been yet is not trusted until then")
{
    // The clock was a year ahead, and was put right: a credential withdrawn meanwhile must not read for a year.
    trust t = after(-365 * 24h);
    CHECK(t != trust::good);
    CHECK(t != trust::renew);
}

TEST_CASE("trust: offline it does not matter how long ago the vendor accepted a credential, but that it did")
{
    settings offline;
    offline.mode = run_mode::offline;
    CHECK(trust_at(t0, t0, offline) == trust::good);
    CHECK(trust_at(t0, t0 + 365 * 24h, offline) == trust::good);
    CHECK(trust_at(std::nullopt, t0, offline) == trust::none);
}
