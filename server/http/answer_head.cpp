#include "server/http/answer_head.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

bool is_persistent(const head_view& head)
{
    // A 204 must not have a length (RFC 9110, section 8.6); if it does, nobody knows whether so much follows.
    bool has_length = std::any_of(head.fields.begin(), head.fields.end(),
                                  [](const field_view& f) { return equals_lower(f.name, "content-length"); });
    return keeps_alive(head) && !(head.status == 204 && has_length);
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
