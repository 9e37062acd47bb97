#include "server/http/cache_status.hpp"

#include "server/numbers.hpp"

namespace callcache
{

void append(std::string& out, const cache_status& s)
{
    out += "callcache";
    if (s.hit) out += "; hit";
    if (!s.forwarded.empty()) out.append("; fwd=").append(s.forwarded);
    if (s.forwarded_status != 0) append_number(out += "; fwd-status=", s.forwarded_status);
    if (s.ttl) append_number(out += "; ttl=", *s.ttl);
    if (s.stored) out += "; stored";
    if (s.collapsed) out += "; collapsed";
    if (!s.detail.empty()) out.append("; detail=").append(s.detail);
}

std::string to_field(const cache_status& s)
{
    std::string text;
    append(text, s);
    return text;
}

}  // namespace callcache
