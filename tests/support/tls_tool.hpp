// A tool's connection over TLS. The test moves its every byte, so that a handshake can hang, or an end come without a
// word.
#pragma once

#include "tests/support/harness.hpp"

#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace callcache::test
{

class tls_tool
{
public:
    struct wishes
    {
        std::string authority;               // PEM; what the certificate is verified with
        std::vector<std::string> protocols;  // ALPN; none: not offered
        int version_max = 0;                 // as OpenSSL counts; 0: the newest
    };

    tls_tool(harness&, const wishes&);

    // Drives the harness until it is done; false if the other side has refused or closed. What it said is in `why`.
    bool handshake();
    std::string why;

    // The first bytes of a handshake, which this tool then cannot do any more.
    std::string hello();

    void send(const std::string& text);

    // Drives the harness until a whole answer has come; status 0 if the connection ended before that.
    answer read(bool head = false);

    void ask_for_new_keys();  // TLS 1.3's KeyUpdate, with an answer
    void say_end();           // close_notify
    bool was_told_end() const;

    std::string protocol() const;  // that was chosen; empty: none
    std::string version() const;   // "TLSv1.3"

    tool raw;

private:
    void send_what_is_due();
    bool take_what_came();

    harness& harness_;
    std::shared_ptr<ssl_ctx_st> context_;
    std::shared_ptr<ssl_st> ssl_;
    std::string in_;
};

}  // namespace callcache::test
