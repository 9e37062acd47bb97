// Who callcache is towards tools that connect by TLS: its certificate and the key of it, ready for use.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <variant>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct x509_st;     // and X509

namespace callcache
{

using tls_identity = std::shared_ptr<ssl_ctx_st>;

// Reads server.tls_certificate_file and server.tls_key_file, which are set. An operator's line if the two are of no
// use; it names the key, and holds nothing of what was read.
std::variant<tls_identity, std::string> read_tls_identity(const server_settings&);

// When the certificate itself ends, and not those that it rests on.
wall_time end_of(const tls_identity&);

// True if it is the certificate of the identity.
bool shows(const tls_identity&, const x509_st*);

// The pair that new connections are greeted with, which may be replaced while it is used. Any thread.
class tls_identity_holder
{
public:
    explicit tls_identity_holder(tls_identity first) : current_(std::move(first)) {}
    void replace(tls_identity);
    tls_identity current() const;

private:
    mutable std::mutex mutex_;
    tls_identity current_;
};

}  // namespace callcache
