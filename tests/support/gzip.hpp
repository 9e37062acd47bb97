// A gzip stream (RFC 1952), as a vendor's balancer may make it.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace callcache::test
{

inline std::string gzipped(std::string_view text)
{
    z_stream z{};
    constexpr int gzip_window_bits = MAX_WBITS + 16;
    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&z, text.size()), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = uInt(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = uInt(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

}  // namespace callcache::test
