#include "server/http/cache_status.hpp"

namespace callcache
{

text_writer& operator<<(text_writer& out, const cache_status& s)
{
    out << "callcache";
    if (s.hit) out << "; hit";
    if (!s.forwarded.empty()) out << "; fwd=" << s.forwarded;
    if (s.forwarded_status != 0) out << "; fwd-status=" << std::int64_t(s.forwarded_status);
    if (s.ttl) out << "; ttl=" << *s.ttl;
    if (s.stored) out << "; stored";
    if (s.collapsed) out << "; collapsed";
    if (s.asked > 0) out << "; kept=" << std::int64_t(s.kept) << "; asked=" << std::int64_t(s.asked);
    if (!s.detail.empty()) out << "; detail=" << s.detail;
    return out;
}

std::string to_field(const cache_status& s)
{
    std::string text;
    {
        text_writer out(text);
        out << s;
    }
    return text;
}

}  // namespace callcache
