#include "server/front/tls_identity.hpp"

#include "server/secrets/whole_file.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>
#include <utility>

namespace callcache
{
namespace
{

struct unusable
{
    std::string text;
};

template<auto Free>
struct freed_by
{
    template<class T>
    void operator()(T* p) const
    {
        Free(p);
    }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

// In place of OpenSSL's, which asks on the terminal.
int no_passphrase(char*, int, int, void*)
{
    return -1;
}

// What OpenSSL says about it.
std::string reason()
{
    const char* text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text ? text : "unknown";
}

void use_certificate(SSL_CTX* context, const std::string& file)
{
    if (!read_whole_file(file)) throw unusable{cannot_read("server.tls_certificate_file", file)};
    if (SSL_CTX_use_certificate_chain_file(context, file.c_str()) != 1)
        throw unusable{"server.tls_certificate_file: \"" + file + "\" holds no usable PEM certificate (" + reason() +
                       ")"};
}

void use_key(SSL_CTX* context, const std::string& file, const std::string& certificate_file)
{
    bio_ptr in(BIO_new_file(file.c_str(), "r"));
    if (!in) throw unusable{cannot_read("server.tls_key_file", file)};
    key_ptr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
    if (!key)
        throw unusable{"server.tls_key_file: \"" + file +
                       "\" holds no usable PEM private key; one with a passphrase cannot be used (" + reason() + ")"};
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
        throw unusable{"server.tls_key_file: the key in \"" + file + "\" does not fit the certificate in \"" +
                       certificate_file + "\" (" + reason() + ")"};
}

// Of the protocols that a tool offers HTTP/1.1 alone is spoken; one that offers others only is told so (RFC 7301,
// section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned size, void*)
{
    constexpr std::string_view ours = "http/1.1";
    for (unsigned at = 0; at < size; at += 1u + offered[at])
    {
        if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) != ours) continue;
        *chosen = offered + at + 1;
        *chosen_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

std::variant<tls_identity, std::string> read_tls_identity(const server_settings& s)
{
    ERR_clear_error();
    tls_identity context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) return "TLS towards tools: " + reason();
    try
    {
        SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
        use_certificate(context.get(), s.tls_certificate_file);
        use_key(context.get(), s.tls_key_file, s.tls_certificate_file);
    }
    catch (const unusable& u)
    {
        return u.text;
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
    // What a tool resumes with lies in its ticket, so nothing is remembered here.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    // A connection that is idle gives its buffers back; one that sends nothing but TLS's own messages gets one of them
    // read at a time, and the others' turns in between.
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
    return context;
}

wall_time end_of(const tls_identity& identity)
{
    std::tm end{};
    const X509* certificate = SSL_CTX_get0_certificate(identity.get());
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return wall_time::max();
    return std::chrono::time_point_cast<duration>(std::chrono::system_clock::from_time_t(timegm(&end)));
}

bool shows(const tls_identity& identity, const X509* certificate)
{
    const X509* own = SSL_CTX_get0_certificate(identity.get());
    return own && certificate && X509_cmp(own, certificate) == 0;
}

void tls_identity_holder::replace(tls_identity next)
{
    std::lock_guard lock(mutex_);
    current_.swap(next);
}

tls_identity tls_identity_holder::current() const
{
    std::lock_guard lock(mutex_);
    return current_;
}

}  // namespace callcache
