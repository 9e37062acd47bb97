// One connection's TLS, on the tool's side.
//
// OpenSSL reads and writes the connection's own socket, without buffers in between: an idle connection costs what
// OpenSSL keeps of it, and what waits is a wait for the socket, which ends as any other when that is cancelled or
// closed.
#pragma once

#include "server/async/net.hpp"
#include "server/front/tls_identity.hpp"

#include <memory>
#include <span>
#include <string_view>

struct ssl_st;  // OpenSSL's SSL

namespace callcache
{

// Front loop only. One read and one write at a time.
class tls_stream
{
public:
    // The socket outlives it.
    tls_stream(const tls_identity&, tcp_socket&);
    tls_stream(const tls_stream&) = delete;

    enum class greeting
    {
        done,
        plain_http,  // the tool does not speak TLS but HTTP; nothing has been written yet
        failed,      // or ended; what had to be said is said
    };
    task<greeting> handshake();

    // OpenSSL's words for a handshake that failed; empty where the tool has just gone, as a probe does.
    const std::string& why_failed() const { return why_failed_; }

    // 0 if nothing more will come. An end without close_notify is an end like any other: a request says itself where
    // its body ends, so nothing can be cut off unseen.
    task<std::size_t> read_some(std::span<char>);

    // Until read_some() need not wait. False if nothing more will come.
    task<bool> wait_for_data();

    task<bool> write(std::string_view);

    // close_notify: what was written is all. Without it a tool knows that an answer broke off.
    task<void> say_end();

private:
    template<class Attempt>
    task<int> until_done(Attempt);

    tcp_socket& socket_;
    std::shared_ptr<ssl_st> ssl_;
    bool failed_ = false;  // OpenSSL's own word: no further call
    std::string why_failed_;
};

}  // namespace callcache
