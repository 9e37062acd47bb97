#include "server/upstream/transport.hpp"

#include "server/upstream/connect_memory.hpp"
#include "server/upstream/tcp_race.hpp"
#include "server/upstream/tcp_state.hpp"
#include "server/upstream/tunnel.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

bool nothing_to_read(tcp_socket& socket)
{
    char byte;
    ssize_t n = recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool has_hung_up(tcp_socket& socket)
{
    pollfd p{socket.native_handle(), POLLRDHUP, 0};
    return poll(&p, 1, 0) != 0;
}

// With a reset: what the kernel still holds would arrive at a time that nobody counts.
void close_now(tcp_socket& socket)
{
    error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

template<class Stream>
task<transport::moved> read_from(Stream& stream, std::span<char> room)
{
    auto [error, bytes] = co_await stream.async_read_some(asio::buffer(room.data(), room.size()), as_result);
    co_return transport::moved{error, bytes};
}

template<class Stream>
task<transport::moved> write_to(Stream& stream, std::string_view text)
{
    auto [error, bytes] = co_await asio::async_write(stream, asio::buffer(text.data(), text.size()), as_result);
    co_return transport::moved{error, bytes};
}

class plain_transport final : public transport
{
public:
    explicit plain_transport(tcp_socket socket) : socket_(std::move(socket)) {}
    task<moved> read_some(std::span<char> room) override { return read_from(socket_, room); }
    task<moved> write(std::string_view text) override { return write_to(socket_, text); }
    void close() override { close_now(socket_); }
    bool is_acknowledged() override { return is_all_acknowledged(socket_.native_handle()); }
    std::uint64_t acknowledged_bytes() override { return acknowledged_bytes_of(socket_.native_handle()); }
    std::chrono::microseconds least_round_trip() override { return least_round_trip_of(socket_.native_handle()); }
    bool is_quiet() override { return socket_.is_open() && nothing_to_read(socket_); }

private:
    tcp_socket socket_;
};

class tls_transport final : public transport
{
public:
    tls_transport(tcp_socket socket, const destination& to) :
        context_(to.tls),
        memory_(to.memory),
        stream_(std::move(socket), *context_)
    {
        SSL_set_ex_data(stream_.native_handle(), place_of_this(), this);
    }

    // Nothing, or why the peer is not who it should be.
    task<std::string> handshake(const std::string& host, const clock_source& clock)
    {
        SSL* ssl = stream_.native_handle();
        if (tls_session known = memory_->sessions.take(context_, clock.steady())) SSL_set_session(ssl, known.get());
        error_code not_an_address;
        asio::ip::make_address(host, not_an_address);
        if (not_an_address)
        {
            SSL_set_tlsext_host_name(ssl, host.c_str());  // for names alone (RFC 6066, section 3)
            // The subject's common name is no host's (RFC 9110, section 4.3.4).
            SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            SSL_set1_host(ssl, host.c_str());
        }
        else
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
        auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::client, as_result);
        if (!error)
        {
            if (!SSL_session_reused(ssl)) memory_->sessions.verified(context_, clock.steady());
            co_return std::string();
        }
        memory_->sessions.forget();
        long verified = SSL_get_verify_result(ssl);
        if (verified != X509_V_OK) co_return std::string(X509_verify_cert_error_string(verified));
        co_return error.message();
    }

    const X509* peer() { return SSL_get0_peer_certificate(stream_.native_handle()); }

    task<moved> read_some(std::span<char> room) override
    {
        was_read_ = true;
        return read_from(stream_, room);
    }
    task<moved> write(std::string_view text) override { return write_to(stream_, text); }
    void close() override { close_now(stream_.next_layer()); }
    bool is_acknowledged() override { return is_all_acknowledged(stream_.next_layer().native_handle()); }
    std::uint64_t acknowledged_bytes() override { return acknowledged_bytes_of(stream_.next_layer().native_handle()); }
    std::chrono::microseconds least_round_trip() override
    {
        return least_round_trip_of(stream_.next_layer().native_handle());
    }
    bool is_quiet() override
    {
        if (!stream_.next_layer().is_open()) return false;
        // A server sends session tickets right after the handshake, and they stay unread until the first answer.
        if (!was_read_) return !has_hung_up(stream_.next_layer());
        // What has come may also lie undecrypted before OpenSSL.
        SSL* ssl = stream_.native_handle();
        return SSL_pending(ssl) == 0 && BIO_ctrl_pending(SSL_get_rbio(ssl)) == 0 &&
               nothing_to_read(stream_.next_layer());
    }

    // OpenSSL calls it: with TLS 1.3 not before the first answer is read. It spoils its own session where a connection
    // ends without a word, so a copy is kept.
    static int keep_session(SSL* ssl, SSL_SESSION* session)
    {
        auto* mine = static_cast<tls_transport*>(SSL_get_ex_data(ssl, place_of_this()));
        if (mine) mine->memory_->sessions.keep(mine->context_, tls_session(SSL_SESSION_dup(session)));
        return 0;
    }

private:
    static int place_of_this()
    {
        static const int place = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return place;
    }

    std::shared_ptr<asio::ssl::context> context_;
    std::shared_ptr<connect_memory> memory_;
    asio::ssl::stream<tcp_socket> stream_;
    bool was_read_ = false;
};

// As texts call it.
std::string first_hop_of(const destination& to)
{
    return to.proxy ? "the proxy " + to.proxy->at.host : to.vendor.at.host;
}

// An IPv4 address that is written as one of IPv6 (RFC 4291, section 2.5.5.2) is that IPv4 address.
asio::ip::address plain(const asio::ip::address& a)
{
    if (!a.is_v6() || !a.to_v6().is_v4_mapped()) return a;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
}

// True if one of the listeners is at the other end.
bool is_own(const tcp_socket& socket, const std::vector<tcp::endpoint>& listeners)
{
    error_code gone;
    const asio::ip::address here = plain(socket.local_endpoint(gone).address());
    const tcp::endpoint peer = socket.remote_endpoint(gone);
    const asio::ip::address there = plain(peer.address());
    // A connection to any of its own addresses has a machine's own address at both ends.
    const bool is_here = here == there || there.is_loopback();
    return std::any_of(listeners.begin(), listeners.end(), [&](const tcp::endpoint& l) {
        return l.port() == peer.port() && (plain(l.address()) == there || (l.address().is_unspecified() && is_here));
    });
}

upstream_failure leads_back(const std::string& how)
{
    return {failure_kind::unreachable, how + ": it would ask itself. Is upstream.url right, and the hosts file?"};
}

// The rest of the way on a TCP connection: the proxy's answer, TLS.
task<connected> secure(tcp_won won, const destination& to, const clock_source& clock, steady_time deadline,
                       const connect_progress& reached)
{
    const std::string vendor = to.vendor.at.host;
    std::string where = first_hop_of(to) + " at " + won.address.address().to_string();
    tcp_socket& socket = won.socket;
    if (to.own && is_own(socket, to.own->listeners))
        co_return leads_back(first_hop_of(to) + " is " + won.address.address().to_string() +
                             ", where callcache itself listens");
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    bool late = false;
    alarm clock_out(co_await asio::this_coro::executor, clock);
    if (to.proxy)
    {
        clock_out.set(deadline, [&] {
            late = true;
            close_now(socket);
        });
        auto failed = co_await open_tunnel(socket, to.vendor.at, *to.proxy);
        clock_out.cancel();
        if (late) co_return upstream_failure{failure_kind::slow, where + " did not answer CONNECT in time"};
        if (failed) co_return std::move(*failed);
        reached(connect_step::tunnel, where + " opened a way to " + to.vendor.at.text());
        where = vendor + " through " + where;
    }
    if (!to.vendor.tls) co_return std::make_unique<plain_transport>(std::move(socket));

    auto secured = std::make_unique<tls_transport>(std::move(socket), to);
    clock_out.set(deadline, [&] {
        late = true;
        secured->close();
    });
    std::string trouble = co_await secured->handshake(vendor, clock);
    clock_out.cancel();
    if (late) co_return upstream_failure{failure_kind::slow, where + " did not complete TLS in time"};
    if (!trouble.empty())
        co_return upstream_failure{failure_kind::bad_peer, "TLS with " + where + " failed: " + trouble};
    if (to.own && to.own->is_certificate && to.own->is_certificate(secured->peer()))
        co_return leads_back(where + " shows callcache's own certificate (server.tls_certificate_file)");
    reached(connect_step::tls, "the certificate is good for " + vendor);
    co_return std::unique_ptr<transport>(std::move(secured));
}

void use_our_ways(asio::ssl::context& context)
{
    context.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    // A connection that is idle gives its buffers back.
    SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.native_handle(), tls_transport::keep_session);
    constexpr unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context.native_handle(), protocols, sizeof protocols - 1);
}

}  // namespace

std::shared_ptr<connect_memory> make_connect_memory()
{
    return std::make_shared<connect_memory>(ask_system);
}

std::shared_ptr<asio::ssl::context> make_tls_context(const std::string& ca_file)
{
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    error_code error;
    if (ca_file.empty())
        context->set_default_verify_paths(error);
    else
        context->load_verify_file(ca_file, error);
    if (error)
        throw std::runtime_error("upstream.ca_file: cannot read certificates from \"" + ca_file +
                                 "\": " + error.message());
    use_our_ways(*context);
    return context;
}

std::shared_ptr<asio::ssl::context> make_pinned_tls_context(const std::string& certificate_file)
{
    std::unique_ptr<BIO, decltype(&BIO_free_all)> in(BIO_new_file(certificate_file.c_str(), "r"), BIO_free_all);
    X509* first = in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr;
    ERR_clear_error();
    if (!first) throw std::runtime_error("\"" + certificate_file + "\" holds no certificate that can be read");
    std::shared_ptr<X509> pinned(first, X509_free);
    // The context is what holds it.
    std::shared_ptr<asio::ssl::context> context(new asio::ssl::context(asio::ssl::context::tls_client),
                                                [pinned](asio::ssl::context* c) { delete c; });
    use_our_ways(*context);
    auto is_pinned = [](X509_STORE_CTX* shown, void* wanted) {
        if (X509_cmp(X509_STORE_CTX_get0_cert(shown), static_cast<X509*>(wanted)) == 0) return 1;
        X509_STORE_CTX_set_error(shown, X509_V_ERR_CERT_REJECTED);
        return 0;
    };
    SSL_CTX_set_cert_verify_callback(context->native_handle(), is_pinned, first);
    return context;
}

task<connected> connect(const destination& to, const clock_source& clock, steady_time deadline,
                        const connect_progress& reached)
{
    const host_port& first_hop = to.proxy ? to.proxy->at : to.vendor.at;
    resolved names = co_await to.memory->names->resolve(first_hop, clock, deadline);
    std::string of_the_proxy = to.proxy ? " (upstream.proxy)" : "";
    if (names.error == asio::error::timed_out)
        co_return upstream_failure{failure_kind::slow,
                                   "the name service did not answer for " + first_hop.host + of_the_proxy};
    if (names.error || names.endpoints.empty())
        co_return unreachable("no address for " + first_hop.host + of_the_proxy + " (" + names.error.message() + ")");
    if (reached)
    {
        std::string list;
        for (const tcp::endpoint& e : names.endpoints) list += (list.empty() ? "" : ", ") + e.address().to_string();
        reached(connect_step::name, first_hop.host + of_the_proxy + " is " + list);
    }

    // What failed on the address that came the furthest says the most: the second one may only have refused.
    upstream_failure told{failure_kind::slow, "no time was left to connect"};
    auto furthest = connect_step::name;
    std::vector<tcp::endpoint> left = to.memory->in_order(names.endpoints);
    while (!left.empty() && clock.steady() < deadline)
    {
        auto here = connect_step::name;
        const connect_progress noted = [&](connect_step step, const std::string& detail) {
            here = step;
            if (reached) reached(step, detail);
        };
        raced r = co_await connect_first(std::move(left), first_hop_of(to), clock, deadline);
        left = std::move(r.left);
        connected c;
        if (auto* failure = std::get_if<upstream_failure>(&r.first))
            c = std::move(*failure);
        else
        {
            auto& won = std::get<tcp_won>(r.first);
            const tcp::endpoint address = won.address;
            noted(connect_step::tcp, first_hop_of(to) + " at " + address.address().to_string());
            c = co_await secure(std::move(won), to, clock, deadline, noted);
            if (std::holds_alternative<std::unique_ptr<transport>>(c))
                co_return to.memory->worked(address), std::move(c);
            to.memory->failed(address);
        }
        if (here < furthest) continue;
        furthest = here;
        told = std::get<upstream_failure>(std::move(c));
    }
    co_return told;
}

}  // namespace callcache
