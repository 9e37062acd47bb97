#include "server/http/cache_status.hpp"

namespace callcache
{

std::string to_field(const cache_status& s)
{
    std::string text = "callcache";
    if (s.hit) text += "; hit";
    if (!s.forwarded.empty()) text.append("; fwd=").append(s.forwarded);
    if (s.forwarded_status != 0) text += "; fwd-status=" + std::to_string(s.forwarded_status);
    if (s.ttl) text += "; ttl=" + std::to_string(*s.ttl);
    if (s.stored) text += "; stored";
    if (s.collapsed) text += "; collapsed";
    if (!s.detail.empty()) text.append("; detail=").append(s.detail);
    return text;
}

}  // namespace callcache
