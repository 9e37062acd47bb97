#include "server/front/relay_head.hpp"

#include "server/front/route.hpp"
#include "server/http/cache_status.hpp"
#include "server/http/via.hpp"

namespace callcache
{
namespace
{

constexpr std::size_t usual_head_bytes = 1000;

}  // namespace

std::string forwarded_head(const request& r, std::string_view target, std::string_view authority,
                           std::string_view authorization)
{
    // What may be kept must not come in a coding that only this tool asked for.
    bool brings_calls = calls_brought_by(r.method, target).has_value();
    auto is_ours_to_say = [&](std::string_view name) {
        return equals_lower(name, "host") || equals_lower(name, "authorization") || equals_lower(name, "expect") ||
               (brings_calls && equals_lower(name, "accept-encoding")) ||
               (r.max_forwards && equals_lower(name, "max-forwards"));
    };
    std::string head;
    head.reserve(usual_head_bytes);
    head.append(r.method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(authority);
    head.append("\r\nAuthorization: ").append(authorization).append("\r\n");
    if (brings_calls) head += "Accept-Encoding: identity\r\n";
    // RFC 9110, section 7.6.2
    if (r.max_forwards) head.append("Max-Forwards: ").append(std::to_string(*r.max_forwards - 1)).append("\r\n");
    for (const field_view& f : r.fields)
        if (!is_ours_to_say(f.name) && !is_hop_by_hop(f.name, r.fields))
            head.append(f.name).append(": ").append(f.value).append("\r\n");
    // The version in which it came here (RFC 9110, section 7.6.3).
    const std::size_t via_at = head.size() + std::string_view("Via: 1.").size();
    head.append("Via: ").append(own_via()).append("\r\n");
    head[via_at] = char('0' + r.minor);
    return head;
}

void write_answer_head(response_context& c, const answer_head& a, bool chunked, wall_time now)
{
    std::string& out = c.out.text;
    out.reserve(usual_head_bytes);
    out += "HTTP/1.1 " + std::to_string(a.status) + " " + a.reason + "\r\n";
    bool dated = false;
    for (const field& f : a.fields)
    {
        dated = dated || equals_lower(f.first, "date");
        out.append(f.first).append(": ").append(f.second).append("\r\n");
    }
    if (!dated) out += "Date: " + http_date(now) + "\r\n";
    cache_status status;
    status.forwarded = c.asked.is_safe() ? "bypass" : "method";
    status.forwarded_status = a.status;
    status.detail = word(outcome::pass);
    out += "Cache-Status: " + to_field(status) + "\r\nVia: " + own_via() + "\r\n";
    if (a.body.what == framing::kind::length) out += "Content-Length: " + std::to_string(a.body.length) + "\r\n";
    if (chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!c.mode.keep_alive)
        out += "Connection: close\r\n";
    else if (c.mode.minor == 0)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
}

}  // namespace callcache
