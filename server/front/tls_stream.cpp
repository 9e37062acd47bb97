#include "server/front/tls_stream.hpp"

#include <boost/asio/error.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <new>

namespace callcache
{
namespace
{

// OpenSSL's way to the socket. Through Asio's own and not by its number, which is somebody else's once it is closed.
tcp_socket& socket_of(BIO* b)
{
    return *static_cast<tcp_socket*>(BIO_get_data(b));
}

int read_socket(BIO* b, char* to, int size)
{
    error_code error;
    std::size_t bytes = socket_of(b).read_some(asio::buffer(to, std::size_t(size)), error);
    BIO_clear_retry_flags(b);
    if (error == asio::error::would_block) BIO_set_retry_read(b);
    return error ? -1 : int(bytes);
}

int write_socket(BIO* b, const char* from, int size)
{
    error_code error;
    std::size_t bytes = socket_of(b).write_some(asio::buffer(from, std::size_t(size)), error);
    BIO_clear_retry_flags(b);
    if (error == asio::error::would_block) BIO_set_retry_write(b);
    return error ? -1 : int(bytes);
}

long control(BIO*, int what, long, void*)
{
    return what == BIO_CTRL_FLUSH;  // nothing is held back
}

BIO_METHOD* way_to_socket()
{
    static BIO_METHOD* const way = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a tool's socket");
        if (!m) throw std::bad_alloc();
        BIO_meth_set_read(m, read_socket);
        BIO_meth_set_write(m, write_socket);
        BIO_meth_set_ctrl(m, control);
        return m;
    }();
    return way;
}

}  // namespace

tls_stream::tls_stream(const tls_identity& identity, tcp_socket& socket) :
    socket_(socket),
    ssl_(SSL_new(identity.get()), SSL_free)
{
    BIO* way = BIO_new(way_to_socket());
    if (!ssl_ || !way) throw std::bad_alloc();
    BIO_set_data(way, &socket_);
    BIO_set_init(way, 1);
    SSL_set_bio(ssl_.get(), way, way);
    SSL_set_accept_state(ssl_.get());
    error_code ignored;
    socket_.non_blocking(true, ignored);
}

// Tries until it is done or fails for good; waits for the socket as often as it must. What OpenSSL returned, or at most
// 0 for a failure.
template<class Attempt>
task<int> tls_stream::until_done(Attempt attempt)
{
    while (!failed_ && socket_.is_open())
    {
        ERR_clear_error();
        int result = attempt();
        if (result > 0) co_return result;
        int why = SSL_get_error(ssl_.get(), result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        {
            // After these two OpenSSL wants no further call; the tool's end of its own side is no failure.
            failed_ = why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL;
            co_return 0;
        }
        auto ready = why == SSL_ERROR_WANT_READ ? tcp_socket::wait_read : tcp_socket::wait_write;
        auto [error] = co_await socket_.async_wait(ready, as_result);
        if (error) co_return 0;
    }
    co_return 0;
}

task<tls_stream::greeting> tls_stream::handshake()
{
    auto attempt = [this] { return SSL_do_handshake(ssl_.get()); };
    int done = co_await until_done(attempt);
    if (done > 0) co_return greeting::done;
    const unsigned long error = ERR_peek_error();
    auto reason = ERR_GET_REASON(error);
    bool plain = failed_ && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST);
    bool is_told = failed_ && error != 0 && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING;
    const char* text = is_told ? ERR_reason_error_string(error) : "";
    why_failed_ = text ? text : "unknown";
    ERR_clear_error();
    co_return plain ? greeting::plain_http : greeting::failed;
}

task<std::size_t> tls_stream::read_some(std::span<char> room)
{
    auto attempt = [this, room] { return SSL_read(ssl_.get(), room.data(), int(room.size())); };
    int bytes = co_await until_done(attempt);
    co_return std::size_t(bytes);
}

task<bool> tls_stream::wait_for_data()
{
    auto attempt = [this] {
        char first;
        return SSL_peek(ssl_.get(), &first, 1);
    };
    int bytes = co_await until_done(attempt);
    co_return bytes > 0;
}

task<bool> tls_stream::write(std::string_view text)
{
    while (!text.empty())
    {
        auto attempt = [this, text] { return SSL_write(ssl_.get(), text.data(), int(text.size())); };
        int bytes = co_await until_done(attempt);
        if (bytes <= 0) co_return false;
        text.remove_prefix(std::size_t(bytes));
    }
    co_return true;
}

task<void> tls_stream::say_end()
{
    if (!SSL_is_init_finished(ssl_.get())) co_return;
    // 0: ours is sent and the tool's has not come, which need not be waited for.
    auto attempt = [this] { return SSL_shutdown(ssl_.get()) >= 0 ? 1 : -1; };
    co_await until_done(attempt);
}

}  // namespace callcache
