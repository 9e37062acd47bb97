// A connection that callcache itself has no room for.

#include "server/upstream/transport.hpp"
#include "tests/support/loopback_socket.hpp"
#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <sys/resource.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// No descriptor can be opened while it lives.
struct no_descriptors
{
    no_descriptors()
    {
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit none{0, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~no_descriptors() { setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
};

task<void> connect_into(const destination& to, const clock_source& clock, std::optional<connected>& made)
{
    made.emplace(co_await callcache::connect(to, clock, clock.steady() + std::chrono::seconds(5)));
}

}  // namespace

TEST_CASE("connect: a lack of descriptors is said as such, and is no word about the vendor")
{
    auto listener = loopback_socket::listening();
    sim_clock clock;
    asio::io_context loop{1};
    const tcp_socket has_a_reactor(loop.get_executor());
    const destination to{*parse_origin("http://127.0.0.1:" + std::to_string(listener.port())), {}, nullptr};
    std::optional<connected> made;
    asio::co_spawn(loop, connect_into(to, clock, made), asio::detached);
    {
        no_descriptors none;
        loop.run();
    }
    REQUIRE(made);
    auto* failure = std::get_if<upstream_failure>(&*made);
    REQUIRE(failure);
    CHECK(failure->what == upstream_failure::kind::crowded);
    CHECK(failure->text == "callcache can open no further connection: Too many open files");
    CHECK_FALSE(is_asked(failure->what));
}
