#include "server/upstream/answer_head.hpp"

#include <charconv>

namespace callcache
{
namespace
{

bool is_persistent(int minor, unsigned status, const std::vector<field_view>& all)
{
    bool close = false, keep = minor >= 1;
    for (const field_view& f : all)
    {
        // Of a length that a 204 must not have (RFC 9110, section 8.6), nobody knows whether so much follows.
        if (status == 204 && equals_lower(f.name, "content-length")) return false;
        if (!equals_lower(f.name, "connection")) continue;
        close = close || has_element(f.value, "close");
        keep = keep || has_element(f.value, "keep-alive");
    }
    return keep && !close;
}

}  // namespace

answer_head_or_refusal read_answer_head(std::string_view head)
{
    answer_head_or_refusal r;
    int minor = head[7] - '0';
    std::from_chars(head.data() + 9, head.data() + 12, r.head.status);
    std::size_t end = head.find("\r\n");
    if (end > 13) r.head.reason = head.substr(13, end - 13);
    std::vector<field_view> all;
    for (std::size_t at = end + 2; (end = head.find("\r\n", at)) != at; at = end + 2)
        if (auto f = read_field_line(head.substr(at, end - at))) all.push_back(*f);

    // Whether a field is hop-by-hop takes a look at all the others: too many of them would hold up everybody.
    if (all.size() > answer_fields_max)
    {
        r.refused = {502, "it has more than " + std::to_string(answer_fields_max) + " fields"};
        return r;
    }
    auto framed = framing_of(all, minor, r.head.status);
    r.refused = framed.refused;
    r.head.body = framed.body;
    r.persistent = is_persistent(minor, r.head.status, all);
    for (const field_view& f : all)
        if (!is_hop_by_hop(f.name, all)) r.head.fields.emplace_back(f.name, f.value);
    return r;
}

}  // namespace callcache
