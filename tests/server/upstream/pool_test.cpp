#include "server/upstream/pool.hpp"

#include "tests/support/loopback_socket.hpp"
#include "tests/support/stepped_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>
#include <doctest/doctest.h>

#include <sys/socket.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

using loan = std::unique_ptr<connection_pool::loan>;

// A pool in front of a listener of the test's. What was connected waits to be accepted, in its order.
struct pooled : stepped_loop
{
    explicit pooled(std::uint64_t connections_max = 2) :
        settings{.connections_max = connections_max},
        pool({*parse_origin("http://127.0.0.1:" + std::to_string(vendor.port())), {}, nullptr}, settings, clock,
             loop.get_executor())
    {}

    using asked = std::shared_ptr<std::optional<connection_pool::taken>>;
    static task<void> take_into(connection_pool& from, bool fresh, steady_time deadline, asked to)
    {
        auto taken = co_await from.take(fresh, deadline);
        to->emplace(std::move(taken));
    }

    // Begins to take one: what comes of it, once that is known.
    asked ask(bool fresh = false, steady_time deadline = steady_time::max())
    {
        auto to = std::make_shared<std::optional<connection_pool::taken>>();
        asio::co_spawn(loop, take_into(pool, fresh, deadline, to), asio::detached);
        settle();
        return to;
    }
    loan take(bool fresh = false)
    {
        asked a = ask(fresh);
        run_until([&] { return a->has_value(); });
        return loan_of(a);
    }
    static loan loan_of(const asked& a)
    {
        REQUIRE(a->has_value());
        REQUIRE(std::holds_alternative<connection_pool::loan>(**a));
        return std::make_unique<connection_pool::loan>(std::move(std::get<connection_pool::loan>(**a)));
    }
    static upstream_failure failure_of(const asked& a)
    {
        REQUIRE(a->has_value());
        REQUIRE(std::holds_alternative<upstream_failure>(**a));
        return std::get<upstream_failure>(**a);
    }

    loopback_socket accepted() const
    {
        loopback_socket s = vendor.accept();
        s.give_up_after(10);
        return s;
    }
    // Waits for the connection's end.
    static bool has_ended(const loopback_socket& s)
    {
        char byte;
        ssize_t n = recv(s.fd, &byte, 1, 0);
        return n == 0 || (n < 0 && errno == ECONNRESET);
    }
    static bool is_open(const loopback_socket& s)
    {
        char byte;
        return recv(s.fd, &byte, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

    loopback_socket vendor = loopback_socket::listening();
    upstream_settings settings;
    connection_pool pool;
};

}  // namespace

TEST_CASE("pool: what was given back carries the next request, what was dropped is closed")
{
    pooled p;
    loan one = p.take();
    auto first = p.accepted();
    CHECK_FALSE(one->was_used());
    CHECK(p.pool.size() == 1);
    one->give_back();
    CHECK(p.pool.size() == 1);
    CHECK(p.is_open(first));

    loan again = p.take();
    CHECK(again->was_used());
    CHECK(p.pool.size() == 1);
    again.reset();
    CHECK(p.pool.size() == 0);
    CHECK(p.has_ended(first));

    loan another = p.take();
    CHECK_FALSE(another->was_used());
    CHECK(p.is_open(p.accepted()));
}

TEST_CASE("pool: who may not have one that was used gets a new one, and an idle one makes room for it")
{
    pooled p(1);
    p.take()->give_back();
    auto idle = p.accepted();
    loan fresh = p.take(true);
    CHECK_FALSE(fresh->was_used());
    CHECK(p.has_ended(idle));
    CHECK(p.pool.size() == 1);

    pooled roomy(2);
    roomy.take()->give_back();
    auto kept = roomy.accepted();
    loan beside = roomy.take(true);
    CHECK_FALSE(beside->was_used());
    CHECK(roomy.is_open(kept));
    CHECK(roomy.pool.size() == 2);
}

TEST_CASE("pool: there are never more than upstream.connections_max; who comes later waits for the first that is free")
{
    pooled p;
    loan one = p.take(), two = p.take();
    auto third = p.ask(), fourth = p.ask();
    CHECK_FALSE(third->has_value());
    CHECK(p.pool.size() == 2);
    two->give_back();
    p.settle();
    CHECK(p.loan_of(third)->was_used());  // and dropped at once: room for the next one
    p.run_until([&] { return fourth->has_value(); });
    CHECK_FALSE(p.loan_of(fourth)->was_used());
}

TEST_CASE("pool: who waits until the deadline is told that all are in use, and takes no place")
{
    pooled p(1);
    loan one = p.take();
    auto late = p.ask(false, p.clock.steady() + 5s);
    p.advance(4999ms);
    CHECK_FALSE(late->has_value());
    p.advance(1ms);
    upstream_failure why = p.failure_of(late);
    CHECK(why.what == upstream_failure::kind::crowded);
    CHECK(why.text.find("all 1 connections (upstream.connections_max)") != std::string::npos);
    one->give_back();
    CHECK(p.take()->was_used());
}

TEST_CASE("pool: a connection that cannot be made gives its place back")
{
    pooled p(1);
    p.vendor = loopback_socket();
    for (int twice = 0; twice < 2; ++twice)
    {
        auto refused = p.ask();
        p.run_until([&] { return refused->has_value(); });
        CHECK(p.failure_of(refused).what == upstream_failure::kind::unreachable);
        CHECK(p.pool.size() == 0);
    }
}

TEST_CASE("pool: what has been idle for 50 seconds is used, and not what has been for longer")
{
    pooled p;
    p.take()->give_back();
    p.advance(50s);
    CHECK(p.take()->was_used());  // dropped
    p.take()->give_back();
    p.advance(50s + 1ms);
    CHECK_FALSE(p.take()->was_used());
}

TEST_CASE("pool: the one that was used last is used first, so that the others may grow old")
{
    pooled p;
    loan one = p.take(), two = p.take();
    auto first = p.accepted(), second = p.accepted();
    one->give_back();
    p.advance(1s);
    two->give_back();
    loan again = p.take();
    CHECK(again->was_used());
    again.reset();
    CHECK(p.has_ended(second));
    CHECK(p.is_open(first));
}

TEST_CASE("pool: what the vendor has closed, or has said something on, is not used again")
{
    for (bool speaks : {false, true})
    {
        CAPTURE(speaks);
        pooled p;
        p.take()->give_back();
        auto at_vendor = p.accepted();
        if (speaks)
            REQUIRE(send(at_vendor.fd, "HTTP/1.1 408 Late\r\n\r\n", 21, 0) == 21);
        else
            at_vendor = loopback_socket();
        CHECK_FALSE(p.take()->was_used());
    }
}

TEST_CASE("pool: with another TLS context idle ones end, those in use are not kept, and those made since are")
{
    pooled p;
    auto replace = [&] { p.pool.use(std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client)); };
    loan busy = p.take();
    p.take(true)->give_back();
    auto first = p.accepted(), idle = p.accepted();
    for (int twice = 0; twice < 2; ++twice)
    {
        CAPTURE(twice);
        replace();
        CHECK(p.has_ended(idle));
        busy->give_back();
        CHECK(p.pool.size() == 0);
        CHECK(p.has_ended(first));

        busy = p.take();
        CHECK_FALSE(busy->was_used());
        first = p.accepted();
        busy->give_back();
        busy = p.take();
        CHECK(busy->was_used());
        p.take(true)->give_back();
        idle = p.accepted();
    }
}

TEST_CASE("pool: a connection stays with the loop that it was made on")
{
    pooled p;
    asio::io_context elsewhere{1};
    loan made = p.take();
    auto at_vendor = p.accepted();
    made->give_back();
    CHECK(p.pool.idle_one(elsewhere.get_executor()) == nullptr);
    auto mine = p.pool.idle_one(p.loop.get_executor());
    REQUIRE(mine);
    CHECK(p.pool.size() == 0);  // it is the taker's, who has a place for it
    p.pool.keep(std::move(mine), elsewhere.get_executor(), p.pool.era());
    CHECK_FALSE(p.take()->was_used());
    CHECK(p.pool.idle_one(elsewhere.get_executor()) != nullptr);
}

TEST_CASE("pool: a place for another loop's connection counts as one in use")
{
    pooled p(1);
    bool placed = false;
    auto enter = [&]() -> task<void> { placed = co_await p.pool.enter(steady_time::max()); };
    asio::co_spawn(p.loop, enter(), asio::detached);
    p.settle();
    CHECK(placed);
    CHECK(p.pool.size() == 1);
    auto waits = p.ask();
    CHECK_FALSE(waits->has_value());
    p.pool.leave();
    p.run_until([&] { return waits->has_value(); });
    CHECK(p.pool.size() == 1);
}

TEST_CASE("pool: once it is closed nothing is kept, and who waits when the loop has stopped is not held")
{
    pooled p(1);
    p.take()->give_back();
    auto idle = p.accepted();
    p.pool.close();
    CHECK(p.has_ended(idle));
    loan last = p.take();
    last->give_back();
    CHECK(p.pool.size() == 0);

    loan in_use = p.take();
    auto waits = p.ask();
    CHECK(waits.use_count() == 2);
    p.pool.abandon();
    p.settle();
    CHECK(waits.use_count() == 1);
    CHECK_FALSE(waits->has_value());
}
