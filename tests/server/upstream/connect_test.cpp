// The way to a connection: addresses, TLS, and what callcache itself has no room for.

#include "server/upstream/connect_memory.hpp"
#include "server/upstream/transport.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/loopback_socket.hpp"
#include "tests/support/stepped_loop.hpp"
#include "tests/support/temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

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
    made.emplace(co_await callcache::connect(to, clock, clock.steady() + 5s));
}

// A host of several addresses, on one port.
struct connecting : stepped_loop
{
    explicit connecting(std::vector<const char*> addresses, bool tls = false)
    {
        to.vendor = *parse_origin((tls ? "https://" : "http://") + ("gong.example:" + std::to_string(port)));
        std::vector<tcp::endpoint> list;
        for (const char* a : addresses) list.emplace_back(asio::ip::make_address(a), port);
        to.memory = std::make_shared<connect_memory>(
            [list](executor ex, const host_port&, std::function<void(const resolved&)> done) {
                asio::post(ex, [list, done] { done({{}, list}); });
            });
    }

    using made = std::shared_ptr<std::optional<connected>>;
    made begin()
    {
        auto m = std::make_shared<std::optional<connected>>();
        asio::co_spawn(loop, connect_into(to, clock, *m), asio::detached);
        settle();
        return m;
    }
    // The other end's address.
    std::string connect_at_once()
    {
        made m = begin();
        run_until([&] { return m->has_value(); });
        REQUIRE(std::holds_alternative<std::unique_ptr<transport>>(**m));
        for (const auto& [address, l] : listeners)
            if (loopback_socket s = l.accept(); s.fd >= 0) return address;
        return {};
    }
    upstream_failure fails(const made& m)
    {
        run_until([&] { return m->has_value(); });
        REQUIRE(std::holds_alternative<upstream_failure>(**m));
        return std::get<upstream_failure>(**m);
    }

    // Listens at an address, and does not wait when it accepts.
    loopback_socket& listen(const char* address)
    {
        auto& l = listeners[address] = loopback_socket::listening_at(address, port);
        REQUIRE(l.fd >= 0);
        fcntl(l.fd, F_SETFL, O_NONBLOCK);
        return l;
    }

    const std::uint16_t port = loopback_socket::listening().port();
    std::map<std::string, loopback_socket> listeners;
    destination to;
};

// Both ends of TLS, and whether the last connection resumed an earlier one's session.
struct tls_connecting : connecting
{
    explicit tls_connecting(std::vector<const char*> addresses) : connecting(std::move(addresses), true)
    {
        sim::certificate_wishes wishes;
        wishes.name = "gong.example";
        sim::certificate made = sim::make_certificate(wishes);
        server.use_certificate_chain(asio::buffer(made.chain));
        server.use_private_key(asio::buffer(made.key), asio::ssl::context::pem);
        std::ofstream(folder.file("ca.pem")) << made.authority;
        use_another_context();
    }
    void use_another_context() { to.tls = make_tls_context(folder.file("ca.pem")); }

    // Of a connection that was made, and read from.
    bool resumes()
    {
        made m = begin();
        const loopback_socket& l = listeners.begin()->second;
        loopback_socket s;
        run_until([&] { return (s = l.accept()).fd >= 0; });
        auto is_resumed = serve(std::move(s));
        run_until([&] { return m->has_value() && is_resumed->has_value(); });
        auto& connection = std::get<std::unique_ptr<transport>>(**m);
        bool was_read = false;
        auto read = [](transport& t, bool& done) -> task<void> {
            std::array<char, 1> room;
            co_await t.read_some(room);
            done = true;
        };
        asio::co_spawn(loop, read(*connection, was_read), asio::detached);
        run_until([&] { return was_read; });
        return **is_resumed;
    }

    using answer = std::shared_ptr<std::optional<bool>>;
    answer serve(loopback_socket s)
    {
        auto to_tell = std::make_shared<std::optional<bool>>();
        auto run = [](tcp_socket socket, asio::ssl::context& c, answer tell) -> task<void> {
            asio::ssl::stream<tcp_socket> stream(std::move(socket), c);
            co_await stream.async_handshake(asio::ssl::stream_base::server, as_result);
            *tell = SSL_session_reused(stream.native_handle()) == 1;
            co_await asio::async_write(stream, asio::buffer("x", 1), as_result);
            std::array<char, 1> room;
            co_await stream.async_read_some(asio::buffer(room), as_result);
        };
        tcp_socket socket(loop.get_executor(), tcp::v4(), std::exchange(s.fd, -1));
        asio::co_spawn(loop, run(std::move(socket), server, to_tell), asio::detached);
        return to_tell;
    }

    temp_folder folder;
    asio::ssl::context server{asio::ssl::context::tls_server};
};

}  // namespace

TEST_CASE("connect: a dead first address costs 250 ms once, and nothing from then on")
{
    connecting c({"127.0.0.2", "127.0.0.3"});
    c.listen("127.0.0.2").lose_all();
    c.listen("127.0.0.3");
    auto m = c.begin();
    c.advance(249ms);
    CHECK_FALSE(m->has_value());
    c.advance(1ms);
    c.run_until([&] { return m->has_value(); });
    CHECK(std::holds_alternative<std::unique_ptr<transport>>(**m));
    CHECK(c.listeners["127.0.0.3"].accept().fd >= 0);
    CHECK(c.connect_at_once() == "127.0.0.3");
}

TEST_CASE("connect: once one has accepted, the attempts at others end")
{
    connecting c({"127.0.0.2", "127.0.0.3"});
    c.listen("127.0.0.2").lose_all();
    c.listen("127.0.0.3");
    auto m = c.begin();
    c.advance(250ms);
    c.run_until([&] { return m->has_value(); });
    c.settle();
    CHECK(c.loop.stopped());  // nothing is under way
}

TEST_CASE("connect: an address that refuses costs nothing; where all do, the failure names the last")
{
    connecting c({"127.0.0.2", "127.0.0.3"});
    CHECK(c.fails(c.begin()).text == "gong.example at 127.0.0.3: Connection refused");
    c.listen("127.0.0.3");
    CHECK(c.connect_at_once() == "127.0.0.3");
}

TEST_CASE("connect: where none accepts in time, all that were tried are named")
{
    connecting c({"127.0.0.2", "127.0.0.3"});
    c.listen("127.0.0.2").lose_all();
    c.listen("127.0.0.3").lose_all();
    auto m = c.begin();
    for (int step = 0; step < 19; ++step) c.advance(250ms);
    CHECK_FALSE(m->has_value());
    c.advance(250ms);
    upstream_failure why = c.fails(m);
    CHECK(why.what == upstream_failure::kind::slow);
    CHECK(why.text == "gong.example at 127.0.0.2, 127.0.0.3 did not accept a connection in time");
}

TEST_CASE("connect: TLS may take the rest of the time, however many addresses there are")
{
    tls_connecting c({"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"});
    c.listen("127.0.0.2");
    auto m = c.begin();
    loopback_socket s;
    c.run_until([&] { return (s = c.listeners["127.0.0.2"].accept()).fd >= 0; });
    c.advance(4900ms);
    CHECK_FALSE(m->has_value());
    auto served = c.serve(std::move(s));
    c.run_until([&] { return m->has_value(); });
    CHECK(std::holds_alternative<std::unique_ptr<transport>>(**m));
}

TEST_CASE("connect: where an address accepts and TLS fails, the next is tried, and that one comes last from then on")
{
    tls_connecting c({"127.0.0.2", "127.0.0.3"});
    c.listen("127.0.0.2");
    c.listen("127.0.0.3");
    auto accepts = [&](const char* address, loopback_socket& s) {
        c.run_until([&] { return (s = c.listeners[address].accept()).fd >= 0; });
    };
    auto m = c.begin();
    loopback_socket first, second, hangs;
    accepts("127.0.0.2", first);
    first = loopback_socket();
    accepts("127.0.0.3", second);
    auto served = c.serve(std::move(second));
    c.run_until([&] { return m->has_value(); });
    CHECK(std::holds_alternative<std::unique_ptr<transport>>(**m));

    // The one that worked hangs in TLS: the next connection begins with the other.
    auto hung = c.begin();
    accepts("127.0.0.3", hangs);
    c.advance(5s);
    CHECK(c.fails(hung).text == "gong.example at 127.0.0.3 did not complete TLS in time");
    auto again = c.begin();
    accepts("127.0.0.2", first);
    auto served_again = c.serve(std::move(first));
    c.run_until([&] { return again->has_value(); });
    CHECK(std::holds_alternative<std::unique_ptr<transport>>(**again));
}

TEST_CASE("connect: a TLS session is resumed, for an hour after the certificate was shown, and with its context alone")
{
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    {
        CAPTURE(version);
        tls_connecting c({"127.0.0.2"});
        c.listen("127.0.0.2");
        SSL_CTX_set_max_proto_version(c.server.native_handle(), version);
        CHECK_FALSE(c.resumes());
        CHECK(c.resumes());
        c.clock.advance(1h);
        CHECK(c.resumes());
        c.clock.advance(1ms);
        CHECK_FALSE(c.resumes());
        CHECK(c.resumes());
        c.use_another_context();
        CHECK_FALSE(c.resumes());
        CHECK(c.resumes());
    }
}

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
