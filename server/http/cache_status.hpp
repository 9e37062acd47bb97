// The Cache-Status field (RFC 9211) that every answer carries.
#pragma once

#include "server/http/outcome.hpp"
#include "server/text/text_writer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

struct cache_status
{
    bool hit = false;
    std::string_view forwarded;     // fwd=: miss, uri-miss, stale, request, bypass; empty for a hit
    unsigned forwarded_status = 0;  // fwd-status=: what the vendor answered, 0 if it did not
    bool stored = false;
    bool collapsed = false;
    std::optional<std::int64_t> ttl;  // seconds of freshness left; negative for a stale answer
    std::size_t kept = 0, asked = 0;  // of a read of several calls: how many were kept, of how many
    std::string_view detail;          // an outcome word, or a reason
};

// "callcache; hit; ttl=299; detail=hit"
text_writer& operator<<(text_writer&, const cache_status&);
std::string to_field(const cache_status&);

}  // namespace callcache
