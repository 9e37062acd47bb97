#include "server/front/read_answer.hpp"

#include "server/http/reply.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

// Nothing went upstream for it.
bool is_from_cache(const read_part& p)
{
    if (!p.is_asked) return true;
    const outcome w = p.found.word;
    return w == outcome::hit || w == outcome::stale || w == outcome::negative || w == outcome::offline;
}

outcome word_of_part(const read_part& p)
{
    return p.is_asked ? p.found.word : word_of(p.decided.reason);
}

bool all_are(const std::vector<read_part>& parts, outcome w)
{
    return std::all_of(parts.begin(), parts.end(), [&](const read_part& p) { return word_of_part(p) == w; });
}

bool one_is(const std::vector<read_part>& parts, outcome w)
{
    return std::any_of(parts.begin(), parts.end(), [&](const read_part& p) { return word_of_part(p) == w; });
}

}  // namespace

read_outcome outcome_of(const std::vector<read_part>& parts, wall_time now)
{
    read_outcome o;
    cache_status& s = o.status;
    s.asked = parts.size();
    s.kept = std::size_t(std::count_if(parts.begin(), parts.end(), is_from_cache));
    s.hit = s.kept == s.asked;
    s.stored = !s.hit;
    for (const read_part& p : parts)
    {
        s.ttl = std::min(s.ttl.value_or(INT64_MAX), whole_seconds(p.kept->sent_at + p.fresh_for - now));
        if (p.is_asked && !is_from_cache(p)) s.stored = s.stored && p.found.stored;
    }
    if (s.hit)
    {
        o.word = all_are(parts, outcome::negative) ? outcome::negative
                 : one_is(parts, outcome::offline) ? outcome::offline
                 : one_is(parts, outcome::stale)   ? outcome::stale
                                                   : outcome::hit;
        for (const read_part& p : parts)
            if (s.detail.empty()) s.detail = p.is_asked ? p.found.detail : detail_of(p.decided.reason);
    }
    else
    {
        s.forwarded = "miss";
        s.forwarded_status = 200;
        s.collapsed = s.kept == 0 && all_are(parts, outcome::collapsed);
        o.word = s.kept > 0 ? outcome::partial : s.collapsed ? outcome::collapsed : outcome::miss;
    }
    return o;
}

std::vector<std::string_view> pieces_of(call_view v, const std::vector<read_part>& parts, std::string& brackets)
{
    std::vector<std::string_view> elements;
    for (const read_part& p : parts)
        if (!p.kept->is_negative) elements.push_back(p.kept->body);
    if (elements.empty()) return {};
    const std::string count = std::to_string(elements.size());
    brackets = "{\"requestId\":" + request_id_of(parts) + ",\"records\":{\"totalRecords\":" + count +
               ",\"currentPageSize\":" + count + ",\"currentPageNumber\":0},\"" + std::string(list_name_of(v)) + "\":[";
    const std::size_t head = brackets.size();
    brackets += ",]}";
    const std::string_view all = brackets;
    std::vector<std::string_view> pieces{all.substr(0, head)};
    for (std::string_view e : elements)
    {
        if (pieces.size() > 1) pieces.push_back(all.substr(head, 1));
        pieces.push_back(e);
    }
    pieces.push_back(all.substr(head + 1));
    return pieces;
}

std::string none_found(std::string_view request_id)
{
    return "{\"requestId\":" + std::string(request_id) +
           ",\"errors\":[\"No calls found corresponding to the provided filters\"]}";
}

std::string request_id_of(const std::vector<read_part>& parts)
{
    for (auto p = parts.rbegin(); p != parts.rend(); ++p)
        if (p->is_asked && !p->found.request_id.empty()) return p->found.request_id;
    return "\"" + next_request_id() + "\"";
}

}  // namespace callcache
