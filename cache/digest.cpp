#include "cache/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <stdexcept>

namespace callcache
{

// Fetched once, with a context for each thread: done for each digest, that takes longer than the digest.
digest sha256(std::string_view bytes)
{
    static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                       EVP_MD_CTX_free);
    digest out;
    bool good = method && context && EVP_DigestInit_ex2(context.get(), method, nullptr) == 1 &&
                EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1;
    if (!good) throw std::runtime_error("SHA-256 is not available");
    return out;
}

digest hmac_sha256(std::string_view key, std::string_view bytes)
{
    digest out;
    unsigned size = 0;
    if (!HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
              bytes.size(), out.data(), &size))
        throw std::runtime_error("HMAC-SHA-256 is not available");
    return out;
}

std::string hex(const digest& d, std::size_t bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i)
    {
        text += digits[d[i] >> 4];
        text += digits[d[i] & 15];
    }
    return text;
}

}  // namespace callcache
