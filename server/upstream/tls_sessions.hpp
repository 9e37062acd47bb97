// TLS sessions of one origin, to be resumed by its next connections: that spares both sides the certificate, and with
// TLS 1.2 a round trip.
#pragma once

#include "cache/time.hpp"

#include <openssl/ssl.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace boost::asio::ssl
{
class context;
}

namespace callcache
{

struct tls_session_freed
{
    void operator()(SSL_SESSION* s) const { SSL_SESSION_free(s); }
};
using tls_session = std::unique_ptr<SSL_SESSION, tls_session_freed>;

// A session was verified as its context says, so it is resumed with no other. A resumed handshake shows no certificate,
// so there is a whole one at least once an hour. Any thread.
class tls_sessions
{
public:
    static constexpr std::chrono::hours resumed_for{1};  // after a whole handshake
    static constexpr std::size_t kept_max = 8;

    using context = std::shared_ptr<boost::asio::ssl::context>;

    // Null if there is none. One of TLS 1.3 is used once (RFC 8446, appendix C.4).
    tls_session take(const context&, steady_time now);

    // A connection with that context has got it.
    void keep(const context&, tls_session);

    // The certificate was verified in a whole handshake.
    void verified(const context&, steady_time now);

    // A handshake failed: not every server can resume.
    void forget();

private:
    void belong_to(const context&);

    std::mutex mutex_;
    context of_;
    std::optional<steady_time> verified_at_;
    std::deque<tls_session> sessions_;  // the newest at the back
};

}  // namespace callcache
