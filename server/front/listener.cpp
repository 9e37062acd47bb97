#include "server/front/listener.hpp"

#include "config/address.hpp"
#include "server/front/bind_addresses.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace callcache
{
namespace
{

constexpr auto breath = std::chrono::milliseconds(100);  // when the process has no descriptor left
constexpr std::size_t turned_away_max = 64;              // at a time; more are closed without a word
constexpr int unsent_bytes_max =
    64 << 10;  // in a socket: without it the system takes 4 MB for a tool that reads nothing
constexpr std::size_t files_max = 64, loop_files_max = 8;  // descriptors, beside connections

// Any thread. An idle connection gives way to a newcomer. False if none is idle.
bool ask_end_of_idle(std::span<const std::unique_ptr<front>> fronts, const session_rules& rules)
{
    return std::any_of(fronts.begin(), fronts.end(), [&](const auto& f) { return f->ask_end_of_longest(rules.idle); });
}

}  // namespace

std::vector<tcp::endpoint> endpoints_of(const host_port& at)
{
    std::vector<tcp::endpoint> list;
    if (at.host == "localhost")
        return {{asio::ip::address_v4::loopback(), at.port}, {asio::ip::address_v6::loopback(), at.port}};
    error_code not_an_address;
    auto address = asio::ip::make_address(at.host, not_an_address);
    if (!not_an_address) return {{address, at.port}};
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(at.host.c_str(), nullptr, &hints, &found) != 0) return {};
    for (addrinfo* a = found; a; a = a->ai_next)
    {
        tcp::endpoint e;
        if (a->ai_addrlen > e.capacity()) continue;
        std::memcpy(e.data(), a->ai_addr, a->ai_addrlen);
        e.resize(a->ai_addrlen);
        e.port(at.port);
        list.push_back(e);
    }
    freeaddrinfo(found);
    return list;
}

std::size_t connections_for(std::uint64_t descriptors, std::size_t fronts, std::uint64_t upstream_connections)
{
    std::uint64_t others =
        files_max + loop_files_max * fronts + upstream_connections + operator_connections_max + 2 * turned_away_max;
    return std::max(descriptors - std::min(descriptors, others), descriptors / 2);
}

std::string to_text(const tcp::endpoint& e)
{
    std::string host = e.address().to_string();
    return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

listener::listener(std::span<const std::unique_ptr<front>> fronts, session_rules& rules, log& out) :
    fronts_(fronts),
    rules_(rules),
    out_(out)
{}

listener::opened listener::open(const std::vector<std::string>& addresses,
                                std::span<const std::unique_ptr<front>> fronts, session_rules& rules, log& out)
{
    auto bound = bind_addresses(addresses, fronts.front()->loop);
    if (auto* trouble = std::get_if<std::string>(&bound)) return *trouble;
    auto l = std::make_shared<listener>(fronts, rules, out);
    l->acceptors_ = std::move(std::get<bound_sockets>(bound));
    for (acceptor& a : l->acceptors_)
    {
        error_code error, unknown;
        const tcp::endpoint e = a.local_endpoint(unknown);
        a.listen(4096, error);
        if (error == boost::system::errc::address_in_use) return port_is_taken(e);
        if (error) return "cannot listen on " + to_text(e) + ": " + error.message();
    }
    return l;
}

void listener::start()
{
    for (acceptor& a : acceptors_) asio::co_spawn(a.get_executor(), accept(shared_from_this(), a), asio::detached);
}

// Who is connected already and not accepted yet has perhaps sent a request, and closing would reset the connection.
void listener::stop()
{
    for (acceptor& a : acceptors_)
    {
        error_code none;
        a.non_blocking(true, none);
        while (!none)
        {
            front& f = *fronts_[next_front_++ % fronts_.size()];
            tcp_socket socket(f.loop);
            a.accept(socket, none);
            if (!none) seat(std::move(socket), f);
        }
        a.close(none);
    }
}

std::vector<tcp::endpoint> listener::endpoints() const
{
    std::vector<tcp::endpoint> list;
    for (const acceptor& a : acceptors_) list.push_back(a.local_endpoint());
    return list;
}

task<void> listener::accept(std::shared_ptr<listener> self, acceptor& a)
{
    bool told = false;
    while (a.is_open())
    {
        front& f = *self->fronts_[self->next_front_++ % self->fronts_.size()];
        tcp_socket socket(f.loop);
        auto [error] = co_await a.async_accept(socket, as_result);
        if (error && a.is_open())
        {
            // No descriptor left, or a network that is down: it passes, and must not keep a core busy until then.
            if (!std::exchange(told, true))
                self->out_.warn("no connection can be accepted now", {{"why", error.message()}});
            co_await sleep_until(self->rules_.clock, self->rules_.clock.steady() + breath);
        }
        else if (!error)
        {
            told = false;
            self->seat(std::move(socket), f);
        }
    }
}

void listener::seat(tcp_socket socket, front& f)
{
    if (rules_.open.load() >= rules_.connections_max() + turned_away_max) return;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max, sizeof unsent_bytes_max);
    // The session belongs to its front's thread from its first moment on.
    asio::post(f.loop, [socket = std::move(socket), &f, fronts = fronts_, &rules = rules_]() mutable {
        bool has_room = rules.open.load() < rules.connections_max() || front::end_longest(f.*rules.idle) ||
                        ask_end_of_idle(fronts, rules);
        auto s = std::make_shared<session>(std::move(socket), f, rules);
        asio::co_spawn(f.loop, has_room ? session::run(s) : session::turn_away(s), asio::detached);
    });
}

}  // namespace callcache
