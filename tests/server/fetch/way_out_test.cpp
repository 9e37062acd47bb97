// The order of the steps, without sockets: a request that does what the test says, a real gate, a simulated clock.

#include "server/fetch/way_out.hpp"

#include "tests/support/scripted_ledger.hpp"
#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <string>
#include <utility>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;
using failing = upstream_failure::kind;

namespace
{

budget_settings one_a_second()
{
    budget_settings s;
    s.rate = s.burst = 1;
    return s;
}

// Each step is written down; those that wait end when the test says so, or at once.
class scripted_request final : public outgoing_request
{
public:
    explicit scripted_request(budget::item n) : outgoing_request(n) {}

    std::vector<asking> begin_wait() override
    {
        steps += "queue ";
        return std::vector<asking>(1, asking{tool, urgency::interactive});
    }
    void end_wait() override { steps += "turn "; }
    std::optional<unsent> objection() const override
    {
        if (!is_refused) return std::nullopt;
        return upstream_failure{failing::refused, "refused"};
    }
    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        steps += fresh ? "connect-fresh " : "connect ";
        if (connects_slowly)
        {
            auto hold = [this](auto done) { connected = std::move(done); };
            co_await call_back<bool>(hold);
        }
        if (cannot_connect) co_return upstream_failure{failing::unreachable, "no way"};
        co_return std::nullopt;
    }
    bool is_connected() override { return broken == 0 || broken-- == 0; }
    std::optional<unsent> put_aside() override
    {
        steps += "aside ";
        if (gives_up) return nobody_waits();
        return std::nullopt;
    }
    bool is_taken_along() const override { return taken_along; }
    bool is_wanted() const override { return wanted; }
    request_kind prepare() override
    {
        steps += "prepare ";
        return request_kind::lookup;
    }
    task<void> exchange(gate::permit& permit) override
    {
        steps += "exchange ";
        permit.answered({});
        co_return;
    }

    std::string tool = "t", steps;
    bool is_refused = false, connects_slowly = false, cannot_connect = false, gives_up = false;
    bool taken_along = false, wanted = true;
    int broken = 0;  // connections that end while there is a wait for room
    std::function<void(bool)> connected;
    std::optional<std::optional<unsent>> end;  // once send() has returned

    bool was_sent() const { return end && !*end; }
    bool failed_as(failing k) const
    {
        auto* failure = end && *end ? std::get_if<upstream_failure>(&**end) : nullptr;
        return failure && failure->what == k;
    }
    bool refused_as(refusal::reason why) const
    {
        auto* no = end && *end ? std::get_if<refusal>(&**end) : nullptr;
        return no && no->why == why;
    }
};

struct harness
{
    explicit harness(budget_settings s = {}) :
        config(std::move(s)),
        permits({loop.get_executor(), config, 100, clock, book, {}, 100, [](auto...) {}}),
        way(permits, outage, clock)
    {}
    ~harness() { permits.abandon(); }

    sim_clock clock;
    asio::io_context loop{1};
    budget_settings config;
    scripted_ledger book{after_a_clean_stop()};
    breaker outage;
    gate permits;
    const way_out way;
    std::list<scripted_request> requests;

    scripted_request& make() { return requests.emplace_back(requests.size() + 1); }
    void start(scripted_request& r, way_out::turn how = {})
    {
        auto run = [](harness& h, scripted_request& sent, way_out::turn again) -> task<void> {
            sent.end = co_await h.way.send(sent, again);
        };
        asio::co_spawn(loop, run(*this, r, how), asio::detached);
        settle();
    }
    void settle()
    {
        while (loop.poll() > 0) loop.restart();
        loop.restart();
    }
    void pass(std::chrono::nanoseconds time)
    {
        clock.advance(time);
        settle();
    }
    void fail_until_down()
    {
        for (int n = 0; n < 5; ++n) outage.failed({"", breaker::concerns::everybody, clock.steady()}, clock.steady());
        REQUIRE(outage.is_down());
    }
    std::uint64_t spent() const { return permits.spending().report(clock.now()).spent; }
};

}  // namespace

TEST_CASE("way out: turn, connection, room, the write, the answer; and then it is spent")
{
    harness h;
    scripted_request& r = h.make();
    h.start(r);
    CHECK(r.was_sent());
    CHECK(r.steps == "queue turn connect prepare exchange ");
    CHECK(h.spent() == 1);
}

TEST_CASE("way out: what is objected to once it has its turn makes no connection, and spends nothing")
{
    harness h;
    scripted_request& r = h.make();
    r.is_refused = true;
    h.start(r);
    CHECK(r.failed_as(failing::refused));
    CHECK(r.steps == "queue turn ");
    CHECK(h.spent() == 0);
}

TEST_CASE("way out: while the vendor is down, only the probe is sent, on a connection of its own")
{
    harness h;
    h.fail_until_down();
    scripted_request& no = h.make();
    h.start(no);
    CHECK(no.failed_as(failing::down));
    CHECK(no.steps == "queue turn ");
    h.pass(5s);
    scripted_request& probe = h.make();
    h.start(probe);
    CHECK(probe.was_sent());
    CHECK(probe.steps == "queue turn connect-fresh prepare exchange ");
    scripted_request& second = h.make();
    h.start(second);
    CHECK(second.failed_as(failing::down));  // the first probe has no end yet
    CHECK(h.spent() == 1);
}

TEST_CASE("way out: an outage that begins while the connection is made, or while room is waited for, sends nothing")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    SUBCASE("while the connection is made")
    {
        r.connects_slowly = true;
        h.start(r);
        h.fail_until_down();
        r.connected(true);
    }
    SUBCASE("while room is waited for")
    {
        h.start(h.make());
        h.pass(600ms);
        h.start(r);
        h.fail_until_down();
        h.pass(1s);
    }
    h.settle();
    CHECK(r.failed_as(failing::down));
    CHECK(r.steps == "queue turn connect ");
}

TEST_CASE("way out: a connection that ended while room was waited for is made anew, once")
{
    harness h;
    scripted_request& r = h.make();
    SUBCASE("the second one stands")
    {
        r.broken = 1;
        h.start(r);
        CHECK(r.was_sent());
        CHECK(r.steps == "queue turn connect connect-fresh prepare exchange ");
        CHECK(h.spent() == 1);
    }
    SUBCASE("the second one ends too")
    {
        r.broken = 2;
        h.start(r);
        CHECK(r.failed_as(failing::lost));
        CHECK(h.spent() == 0);
    }
    SUBCASE("the first was a fresh one already")
    {
        r.broken = 1;
        h.start(r, {false, true});
        CHECK(r.failed_as(failing::lost));
        CHECK(r.steps == "queue turn connect-fresh ");
    }
}

TEST_CASE("way out: no connection, nothing spent, and the next has its turn")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    r.cannot_connect = true;
    h.start(r);
    CHECK(r.failed_as(failing::unreachable));
    CHECK(h.spent() == 0);
    scripted_request& next = h.make();
    h.start(next);
    CHECK(next.was_sent());
}

TEST_CASE("way out: a pause puts the connection aside, and the request is the first to be sent after it")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    r.connects_slowly = true;
    h.start(r);
    scripted_request& behind = h.make();
    behind.tool = "another";
    h.start(behind);
    const std::string ten = "10";
    h.permits.refused(&ten);
    r.connects_slowly = false;
    r.connected(true);
    h.settle();
    CHECK(r.steps == "queue turn connect aside queue ");
    CHECK(h.spent() == 0);
    h.pass(10s);
    CHECK(r.was_sent());
    CHECK_FALSE(behind.end);
    h.pass(2s);
    CHECK(behind.was_sent());
}

TEST_CASE("way out: a pause that comes right after the grant is not overrun")
{
    harness h;
    h.book.is_slow = true;
    scripted_request& r = h.make();
    h.start(r);
    REQUIRE_FALSE(r.end);
    // Granted and paused within one turn of the loop: the request has yet to hear of its grant.
    asio::post(h.loop, [&] {
        h.book.release();
        asio::post(h.loop, [&] {
            const std::string hour = "3600";
            h.permits.refused(&hour);
        });
    });
    h.settle();
    CHECK_FALSE(r.was_sent());
    CHECK(h.spent() == 0);
}

TEST_CASE("way out: a request that does not wait for another turn says why")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    r.connects_slowly = r.gives_up = true;
    h.start(r);
    const std::string ten = "10";
    h.permits.refused(&ten);
    r.connected(true);
    h.settle();
    CHECK(r.refused_as(refusal::reason::left));
    CHECK(r.steps == "queue turn connect aside ");
    h.pass(11s);
    scripted_request& next = h.make();
    h.start(next);
    CHECK(next.was_sent());
}

TEST_CASE("way out: nobody waits for it any more: it is not sent, and its room is the next one's")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    r.connects_slowly = true;
    h.start(r);
    r.wanted = false;
    r.connected(true);
    h.settle();
    CHECK(r.refused_as(refusal::reason::left));
    CHECK(h.spent() == 0);
    scripted_request& next = h.make();
    h.start(next);
    CHECK(next.was_sent());
}

TEST_CASE("way out: the budget's refusal is what send() returns")
{
    budget_settings spent;
    spent.daily = 1;
    harness h(spent);
    h.start(h.make());
    scripted_request& r = h.make();
    h.start(r);
    h.permits.expel(r.number, refusal{refusal::reason::day_spent});
    h.settle();
    CHECK(r.refused_as(refusal::reason::day_spent));
}

TEST_CASE("way out: when the gate is closed, what waits is told, and what is inside is sent")
{
    harness h(one_a_second());
    scripted_request& inside = h.make();
    inside.connects_slowly = true;
    h.start(inside);
    scripted_request& queued = h.make();
    h.start(queued);
    h.permits.close();
    h.settle();
    CHECK(queued.failed_as(failing::stopping));
    inside.connected(true);
    h.settle();
    CHECK(inside.was_sent());
}

TEST_CASE("way out: what another request takes along is not sent by itself")
{
    harness h(one_a_second());
    scripted_request& r = h.make();
    r.connects_slowly = true;
    h.start(r);
    r.taken_along = true;
    const std::string ten = "10";
    h.permits.refused(&ten);
    r.connected(true);
    h.settle();
    CHECK(r.was_sent());  // by the other
    CHECK(r.steps == "queue turn connect aside ");
}
