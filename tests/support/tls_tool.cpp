#include "tests/support/tls_tool.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdexcept>

namespace callcache::test
{

tls_tool::tls_tool(harness& w, const wishes& wanted) :
    raw(w),
    harness_(w),
    context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free)
{
    SSL_CTX* c = context_.get();
    BIO* pem = BIO_new_mem_buf(wanted.authority.data(), int(wanted.authority.size()));
    X509* authority = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
    BIO_free(pem);
    if (!authority) throw std::runtime_error("no authority to verify with");
    X509_STORE_add_cert(SSL_CTX_get_cert_store(c), authority);
    X509_free(authority);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
    if (wanted.version_max != 0)
    {
        SSL_CTX_set_security_level(c, 0);  // old versions are of today's no level
        SSL_CTX_set_min_proto_version(c, 0);
        SSL_CTX_set_max_proto_version(c, wanted.version_max);
    }
    std::string protocols;
    for (const std::string& p : wanted.protocols) protocols += char(p.size()) + p;
    SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(protocols.data()), unsigned(protocols.size()));
    ssl_.reset(SSL_new(c), SSL_free);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set1_host(ssl_.get(), "localhost");
    SSL_set_connect_state(ssl_.get());
}

void tls_tool::send_what_is_due()
{
    char room[16384];
    std::string due;
    for (int n; (n = BIO_read(SSL_get_wbio(ssl_.get()), room, sizeof room)) > 0;) due.append(room, std::size_t(n));
    if (!due.empty()) raw.send(due);
}

bool tls_tool::take_what_came()
{
    harness_.run_until([&] { return raw.received() > 0 || raw.closed(); });
    std::string came = raw.take();
    BIO_write(SSL_get_rbio(ssl_.get()), came.data(), int(came.size()));
    return !came.empty();
}

bool tls_tool::handshake()
{
    for (;;)
    {
        ERR_clear_error();
        int done = SSL_do_handshake(ssl_.get());
        bool waits = done != 1 && SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ;
        if (!waits && done != 1)
            if (const char* text = ERR_reason_error_string(ERR_peek_last_error())) why = text;
        send_what_is_due();
        if (!waits) return done == 1;
        if (!take_what_came()) return false;
    }
}

std::string tls_tool::hello()
{
    SSL_do_handshake(ssl_.get());
    std::string text(4096, '\0');
    text.resize(std::size_t(BIO_read(SSL_get_wbio(ssl_.get()), text.data(), int(text.size()))));
    return text;
}

void tls_tool::send(const std::string& text)
{
    SSL_write(ssl_.get(), text.data(), int(text.size()));
    send_what_is_due();
}

answer tls_tool::read(bool head)
{
    for (bool open = true;;)
    {
        char room[16384];
        ERR_clear_error();
        for (int n; (n = SSL_read(ssl_.get(), room, sizeof room)) > 0;) in_.append(room, std::size_t(n));
        send_what_is_due();
        if (auto a = parse_answer(in_, head, !open || was_told_end()))
        {
            in_.erase(0, a->raw.size());
            return *a;
        }
        if (!open) return {};
        open = take_what_came();
    }
}

void tls_tool::ask_for_new_keys()
{
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl_.get());
    send_what_is_due();
}

void tls_tool::say_end()
{
    SSL_shutdown(ssl_.get());
    send_what_is_due();
}

bool tls_tool::was_told_end() const
{
    return SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN;
}

std::string tls_tool::protocol() const
{
    const unsigned char* text = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &text, &size);
    return std::string(reinterpret_cast<const char*>(text), size);
}

std::string tls_tool::version() const
{
    return SSL_get_version(ssl_.get());
}

}  // namespace callcache::test
