#include "tests/sim/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace sim
{
namespace
{

template<auto Free>
struct freed_by
{
    template<class T>
    void operator()(T* p) const
    {
        Free(p);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;

template<class T>
T* good(T* p)
{
    if (!p) throw std::runtime_error("OpenSSL could not make a certificate");
    return p;
}

template<class Write>
std::string pem(Write write)
{
    std::unique_ptr<BIO, freed_by<BIO_free_all>> out(good(BIO_new(BIO_s_mem())));
    write(out.get());
    char* data = nullptr;
    long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, std::size_t(size));
}

void add(X509* to, X509* issuer, int kind, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> e(
        good(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())));
    X509_add_ext(to, e.get(), -1);
}

x509_ptr begin(EVP_PKEY* key, const std::string& name, const certificate_wishes& w, long serial)
{
    x509_ptr c(good(X509_new()));
    X509_set_version(c.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(c.get()), 86400L * w.valid_from_days);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), 86400L * w.valid_until_days);
    X509_set_pubkey(c.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return c;
}

}  // namespace

certificate make_certificate(const certificate_wishes& w)
{
    key_ptr authority_key(good(EVP_EC_gen("P-256"))), key(good(EVP_EC_gen("P-256")));
    x509_ptr authority = begin(authority_key.get(), "gong-sim authority", {}, 1);
    X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
    add(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE");
    add(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign");
    X509_sign(authority.get(), authority_key.get(), EVP_sha256());

    x509_ptr server = begin(key.get(), w.name, w, 2);
    X509_set_issuer_name(server.get(), X509_get_subject_name(authority.get()));
    bool is_address = w.name.find_first_not_of("0123456789.") == std::string::npos;
    if (w.is_alternative)
        add(server.get(), authority.get(), NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + w.name);
    X509_sign(server.get(), authority_key.get(), EVP_sha256());

    return {pem([&](BIO* out) { PEM_write_bio_X509(out, authority.get()); }),
            pem([&](BIO* out) { PEM_write_bio_X509(out, server.get()); }),
            pem([&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace sim
