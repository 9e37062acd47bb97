#include "tests/support/connect_proxy.hpp"

#include "server/http/head_guard.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace callcache::test
{
namespace
{

constexpr std::size_t head_bytes_max = 16 << 10;
constexpr std::size_t connections_max = 32;

}  // namespace

struct connect_proxy::state
{
    using socket_ptr = std::shared_ptr<tcp_socket>;
    using self_ptr = std::shared_ptr<state>;

    explicit state(executor ex) : acceptor(ex) {}

    asio::basic_socket_acceptor<tcp, executor> acceptor;
    std::uint16_t leads_to = 0;
    sim::scripted answer{"HTTP/1.1 200 Connection established\r\n\r\n"};
    std::vector<std::string> heads;
    std::list<std::weak_ptr<tcp_socket>> open;

    socket_ptr remember(tcp_socket s)
    {
        open.remove_if([](const auto& w) { return w.expired(); });
        auto shared = std::make_shared<tcp_socket>(std::move(s));
        open.push_back(shared);
        return shared;
    }

    static task<void> accept(self_ptr self)
    {
        while (self->acceptor.is_open())
        {
            tcp_socket socket(self->acceptor.get_executor());
            auto [error] = co_await self->acceptor.async_accept(socket, as_result);
            if (error || self->open.size() >= 2 * connections_max) continue;
            asio::co_spawn(self->acceptor.get_executor(), serve(self, self->remember(std::move(socket))),
                           asio::detached);
        }
    }

    static task<void> serve(self_ptr self, socket_ptr from)
    {
        std::string in;
        std::array<char, 4096> room;
        head_scanner scanner(head_kind::request, head_bytes_max);
        auto progress = head_scanner::progress::incomplete;
        while (progress == head_scanner::progress::incomplete)
        {
            auto [error, bytes] = co_await from->async_read_some(asio::buffer(room), as_result);
            if (error) co_return;
            in.append(room.data(), bytes);
            progress = scanner.scan(in);
        }
        self->heads.push_back(in);
        sim::scripted how = self->answer;
        auto [error, written] = co_await asio::async_write(*from, asio::buffer(how.bytes), as_result);
        if (how.then == sim::then::hang)
        {
            co_await from->async_read_some(asio::buffer(room), as_result);
            co_return;
        }
        if (error || how.then != sim::then::keep) co_return;
        auto to = self->remember(tcp_socket(from->get_executor()));
        tcp::endpoint vendor(asio::ip::address_v4::loopback(), self->leads_to);
        auto [refused] = co_await to->async_connect(vendor, as_result);
        if (refused) co_return;
        asio::co_spawn(from->get_executor(), carry(to, from), asio::detached);
        co_await carry(from, to);
    }

    static task<void> carry(socket_ptr from, socket_ptr to)
    {
        std::array<char, 16384> room;
        error_code failed;
        while (!failed)
        {
            auto [error, bytes] = co_await from->async_read_some(asio::buffer(room), as_result);
            if (bytes > 0) co_await asio::async_write(*to, asio::buffer(room.data(), bytes), as_result);
            failed = error;
        }
        error_code ignored;
        to->shutdown(tcp::socket::shutdown_both, ignored);
    }
};

connect_proxy::connect_proxy(executor ex, std::uint16_t leads_to) : state_(std::make_shared<state>(ex))
{
    state_->leads_to = leads_to;
    state_->acceptor.open(tcp::v4());
    state_->acceptor.bind({asio::ip::address_v4::loopback(), 0});
    state_->acceptor.listen();
    asio::co_spawn(ex, state::accept(state_), asio::detached);
}

connect_proxy::~connect_proxy()
{
    error_code ignored;
    state_->acceptor.close(ignored);
    for (auto& w : state_->open)
        if (auto s = w.lock()) s->close(ignored);
}

std::uint16_t connect_proxy::port() const
{
    return state_->acceptor.local_endpoint().port();
}

std::string connect_proxy::url(const std::string& login) const
{
    return "http://" + (login.empty() ? "" : login + "@") + "127.0.0.1:" + std::to_string(port());
}

void connect_proxy::script(sim::scripted s)
{
    state_->answer = std::move(s);
}

const std::vector<std::string>& connect_proxy::heads() const
{
    return state_->heads;
}

}  // namespace callcache::test
