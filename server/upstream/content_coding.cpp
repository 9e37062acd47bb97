#include "server/upstream/content_coding.hpp"

#include "config/ascii.hpp"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace callcache
{
namespace
{

bool is_coding(const field& f)
{
    return equals_lower(f.first, "content-encoding") && !f.second.empty() && !equals_lower(f.second, "identity");
}

std::optional<std::string> gunzip(std::string_view coded, std::size_t bytes_max)
{
    constexpr int gzip_alone = MAX_WBITS + 16;
    z_stream z{};
    if (inflateInit2(&z, gzip_alone) != Z_OK) return std::nullopt;
    const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&z, &inflateEnd);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
    z.avail_in = uInt(coded.size());
    std::string plain;
    char block[16 << 10];
    for (;;)
    {
        z.next_out = reinterpret_cast<Bytef*>(block);
        z.avail_out = sizeof block;
        const int end = inflate(&z, Z_NO_FLUSH);
        if (end != Z_OK && end != Z_STREAM_END) return std::nullopt;  // malformed, or cut off
        const std::size_t bytes = sizeof block - z.avail_out;
        if (plain.size() + bytes > bytes_max) return std::nullopt;
        plain.append(block, bytes);
        if (end == Z_STREAM_END && z.avail_in == 0) return plain;
        if (end == Z_STREAM_END) inflateReset(&z);
    }
}

}  // namespace

bool is_coded(const upstream_answer& a)
{
    return std::any_of(a.fields.begin(), a.fields.end(), is_coding);
}

std::optional<upstream_answer> without_gzip(const upstream_answer& a, std::size_t body_max)
{
    auto coding = std::find_if(a.fields.begin(), a.fields.end(), is_coding);
    if (coding == a.fields.end() || std::any_of(coding + 1, a.fields.end(), is_coding)) return std::nullopt;
    if (!equals_lower(coding->second, "gzip") && !equals_lower(coding->second, "x-gzip")) return std::nullopt;
    auto plain = gunzip(a.body, body_max);
    if (!plain) return std::nullopt;
    upstream_answer decoded{a.status, {}, std::move(*plain)};
    for (const field& f : a.fields)
        if (!equals_lower(f.first, "content-encoding")) decoded.fields.push_back(f);
    return decoded;
}

}  // namespace callcache
