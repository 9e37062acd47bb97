#include "server/http/answer_head.hpp"

namespace callcache
{
namespace
{

bool is_persistent(const head_view& head)
{
    bool close = false, keep = head.minor >= 1;
    for (const field_view& f : head.fields)
    {
        // A 204 must not have a length (RFC 9110, section 8.6); if it does, nobody knows whether so much follows.
        if (head.status == 204 && equals_lower(f.name, "content-length")) return false;
        if (!equals_lower(f.name, "connection")) continue;
        close = close || has_element(f.value, "close");
        keep = keep || has_element(f.value, "keep-alive");
    }
    return keep && !close;
}

}  // namespace

answer_head_or_refusal read_answer(const head_view& head)
{
    // Whether a field is hop-by-hop takes a look at all the others: too many of them would hold up everybody.
    if (head.fields.size() > answer_fields_max)
        return {{}, false, refused_head{502, "it has more than " + std::to_string(answer_fields_max) + " fields"}};
    auto framed = framing_of(head.fields, head.minor, head.status);
    answer_head_or_refusal r{
        {head.status, std::string(head.reason), {}, framed.body}, is_persistent(head), framed.refused};
    for (const field_view& f : head.fields)
        if (!is_hop_by_hop(f.name, head.fields)) r.head.fields.emplace_back(f.name, f.value);
    return r;
}

}  // namespace callcache
