// SHA-256 and HMAC-SHA-256, by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace callcache
{

using digest = std::array<std::uint8_t, 32>;

digest sha256(std::string_view bytes);
digest hmac_sha256(std::string_view key, std::string_view bytes);

// The first `bytes` of the digest in hexadecimal, two characters each.
std::string hex(const digest&, std::size_t bytes = 32);

}  // namespace callcache
