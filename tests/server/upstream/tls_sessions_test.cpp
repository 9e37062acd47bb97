#include "server/upstream/tls_sessions.hpp"

#include <boost/asio/ssl/context.hpp>
#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const steady_time t0{1000s};

tls_sessions::context some_context()
{
    return std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
}

tls_session session_of(int version, unsigned char id = 0)
{
    tls_session s(SSL_SESSION_new());
    SSL_SESSION_set_protocol_version(s.get(), version);
    SSL_SESSION_set1_id(s.get(), &id, 1);
    return s;
}

unsigned char id_of(const tls_session& s)
{
    unsigned size = 0;
    const unsigned char* id = SSL_SESSION_get_id(s.get(), &size);
    return size == 1 ? *id : 0xff;
}

}  // namespace

TEST_CASE("tls sessions: one of TLS 1.3 is used once, the newest first, and one of TLS 1.2 again and again")
{
    tls_sessions kept;
    const auto c = some_context();
    kept.verified(c, t0);
    CHECK_FALSE(kept.take(c, t0));
    for (unsigned char id : {1, 2}) kept.keep(c, session_of(TLS1_3_VERSION, id));
    for (unsigned char id : {2, 1})
    {
        tls_session s = kept.take(c, t0);
        REQUIRE(s);
        CHECK(id_of(s) == id);
    }
    CHECK_FALSE(kept.take(c, t0));
    kept.keep(c, session_of(TLS1_2_VERSION));
    for (int times = 0; times < 3; ++times) CHECK(kept.take(c, t0));
}

TEST_CASE("tls sessions: the newest eight are kept")
{
    tls_sessions kept;
    const auto c = some_context();
    kept.verified(c, t0);
    for (unsigned char id = 1; id <= tls_sessions::kept_max + 1; ++id) kept.keep(c, session_of(TLS1_3_VERSION, id));
    for (unsigned char id = tls_sessions::kept_max + 1; id > 1; --id) CHECK(id_of(kept.take(c, t0)) == id);
    CHECK_FALSE(kept.take(c, t0));
}

TEST_CASE("tls sessions: none is used after a handshake that failed")
{
    tls_sessions kept;
    const auto c = some_context();
    kept.verified(c, t0);
    kept.keep(c, session_of(TLS1_2_VERSION));
    kept.forget();
    CHECK_FALSE(kept.take(c, t0));
    kept.keep(c, session_of(TLS1_2_VERSION));
    CHECK(kept.take(c, t0));  // the certificate was verified all the same
}

TEST_CASE("tls sessions: what one context verified is resumed with no other")
{
    tls_sessions kept;
    const auto before = some_context(), now = some_context();
    kept.verified(before, t0);
    kept.keep(before, session_of(TLS1_2_VERSION));
    CHECK_FALSE(kept.take(now, t0));
    kept.keep(now, session_of(TLS1_2_VERSION));
    CHECK_FALSE(kept.take(now, t0));  // nothing was verified with it yet
    CHECK_FALSE(kept.take(before, t0));
    kept.verified(now, t0);
    CHECK(kept.take(now, t0 + 1h));
    CHECK_FALSE(kept.take(now, t0 + 1h + 1ms));
}
