#include "cache/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace callcache
{

digest sha256(std::string_view bytes)
{
    digest out;
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available");
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
