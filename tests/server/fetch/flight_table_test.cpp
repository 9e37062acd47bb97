// Single flight without sockets: who may join what, and who waits where.

#include "server/fetch/flight_table.hpp"

#include "tests/support/sim_clock.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace callcache;

namespace
{

struct table
{
    std::set<epoch_ticket> dropped;  // what was sent under these is no longer good
    flight_table flights{[this](const std::string&, epoch_ticket t) { return !dropped.contains(t); }};
    partition_ptr mine = std::make_shared<partition>(sha256("mine")), others = std::make_shared<partition>(sha256("o"));
    std::vector<std::uint64_t> told;

    lookup of(const std::string& id, const partition_ptr& whose, std::uint64_t asker = 0) const
    {
        lookup l;
        l.id = id;
        l.whose = whose;
        l.asker = asker;
        return l;
    }
    lookup_flight_ptr begin(const std::string& id, const partition_ptr& whose)
    {
        auto f = std::make_shared<lookup_flight>(flights.next_number(), of(id, whose), lookup_flight::purpose::asked);
        flights.add(f);
        return f;
    }
    waiter& join(flight& f, std::uint64_t asker)
    {
        return flights.join(
            f, {of(f.first.id, f.first.whose, asker), [this, asker](looked_up) { told.push_back(asker); }});
    }
    bool joins(const lookup_flight_ptr& f) const { return flights.joinable(f->first.whose.get(), f->first.id) == f; }
};

}  // namespace

TEST_CASE("flights: who asks for the same under the same credential joins, and nobody else")
{
    table t;
    auto f = t.begin("1", t.mine);
    CHECK(t.joins(f));
    CHECK(t.flights.joinable(t.others.get(), "1") == nullptr);
    CHECK(t.flights.joinable(t.mine.get(), "2") == nullptr);
    CHECK_FALSE(t.join(*f, 11).joined);
    CHECK(t.join(*f, 12).joined);
    CHECK(t.flights.waiting("1") == 2);
    CHECK(t.flights.waiting("2") == 0);
}

TEST_CASE("flights: one that was sent is joined only while nothing was dropped since")
{
    table t;
    auto f = t.begin("1", t.mine);
    f->last.ticket = 7;
    t.dropped = {7};
    for (bool sent_now : {false, true})
    {
        CAPTURE(sent_now);
        if (sent_now) f->state = sent{};
        CHECK(t.joins(f) == !sent_now);
    }
    t.dropped.clear();
    CHECK(t.joins(f));
    // A later question begins one of its own, which takes its place; the end of the first does not end that.
    t.dropped = {7};
    auto second = t.begin("1", t.mine);
    CHECK(t.joins(second));
    t.flights.end(*f);
    CHECK(t.joins(second));
    CHECK(t.flights.size() == 1);
}

TEST_CASE("flights: one that rides is joined like one that was sent")
{
    asio::io_context loop;
    table t;
    auto f = t.begin("1", t.mine);
    f->last.ticket = 7;
    f->state = riding{mailbox<share>(loop.get_executor())};
    CHECK(t.joins(f));
    t.dropped = {7};
    CHECK_FALSE(t.joins(f));
}

TEST_CASE("flights: one that is shut is joined by nobody, and still ends for those who wait")
{
    table t;
    auto f = t.begin("1", t.mine);
    t.join(*f, 11);
    t.flights.shut(*f);
    CHECK_FALSE(t.joins(f));
    CHECK_FALSE(t.flights.contains(t.mine.get(), "1"));
    CHECK(t.flights.at(f->number) == f.get());
    CHECK(t.flights.end(*f).size() == 1);
    CHECK(t.flights.at(f->number) == nullptr);
}

TEST_CASE("flights: who leaves takes nobody along, and at the end the others are handed over in their order")
{
    table t;
    auto f = t.begin("1", t.mine);
    for (std::uint64_t asker : {11, 12, 13}) t.join(*f, asker);
    auto* seat = t.flights.seat_of(12);
    REQUIRE(seat);
    CHECK(seat->in == f.get());
    CHECK(t.flights.leave(*seat).asked.asker == 12);
    CHECK(t.flights.seat_of(12) == nullptr);
    for (waiter& w : t.flights.end(*f)) w.done({});
    CHECK(t.told == std::vector<std::uint64_t>{11, 13});
    CHECK(t.flights.seat_of(11) == nullptr);
    CHECK(t.flights.size() == 0);
}

TEST_CASE("flights: somebody joins one that nobody waits for, and it lingers no more")
{
    asio::io_context loop;
    table t;
    auto f = t.begin("1", t.mine);
    f->state = queued{};
    t.join(*f, 11).left = true;
    CHECK_FALSE(f->is_wanted());
    test::sim_clock clock;
    std::get<queued>(f->state).lingering = std::make_unique<callcache::alarm>(loop.get_executor(), clock);
    t.join(*f, 12);
    CHECK(f->is_wanted());
    CHECK_FALSE(std::get<queued>(f->state).lingering);
}

TEST_CASE("flights: a refresh is wanted though nobody waits, and a lookup is not")
{
    table t;
    using purpose = lookup_flight::purpose;
    for (purpose p : {purpose::asked, purpose::refresh, purpose::renewal, purpose::check})
    {
        lookup_flight f(1, t.of("1", t.mine), p);
        CHECK(f.is_wanted() == (p != purpose::asked));
        CHECK(f.alone == (p == purpose::renewal || p == purpose::check));
    }
}
