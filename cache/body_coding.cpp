#include "cache/body_coding.hpp"

#include <zstd.h>

namespace callcache::sqlite
{
namespace
{

constexpr std::size_t compressed_from = 4096;  // bytes: a call is about 1,200
constexpr std::size_t compressed_up_to = 64 << 20;
constexpr int level = 1;

}  // namespace

std::optional<std::string> compressed(std::string_view body)
{
    if (body.size() < compressed_from || body.size() > compressed_up_to) return std::nullopt;
    std::string bytes(ZSTD_compressBound(body.size()), '\0');
    const std::size_t size = ZSTD_compress(bytes.data(), bytes.size(), body.data(), body.size(), level);
    if (ZSTD_isError(size) || size > body.size() / 10 * 9) return std::nullopt;
    bytes.resize(size);
    bytes.shrink_to_fit();
    return bytes;
}

std::optional<std::string> decompressed(std::string_view bytes, std::int64_t size)
{
    if (size < 0 || std::size_t(size) > compressed_up_to) return std::nullopt;
    std::string body(std::size_t(size), '\0');
    const std::size_t got = ZSTD_decompress(body.data(), body.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(got) || got != body.size()) return std::nullopt;
    return body;
}

}  // namespace callcache::sqlite
