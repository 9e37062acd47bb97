#include "server/http/request.hpp"

#include "config/address.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace callcache
{
namespace
{

// Whether a field is handed on takes a look at everything that `Connection` names: too many would hold up everybody on
// this loop. Twice what Apache takes.
constexpr std::size_t request_fields_max = 200;

// The four forms of a target (RFC 9112, section 3.2).
std::optional<refused_head> read_target(request& r)
{
    if (r.method == "CONNECT")
        return refused_head{405,
                            "CONNECT is not offered: callcache is no forward proxy. Take it out of HTTPS_PROXY and "
                            "HTTP_PROXY, and set the tool's base URL to it, such as http://localhost:4664"};
    if (r.target.starts_with('/')) return std::nullopt;
    if (r.target == "*" && r.method == "OPTIONS") return std::nullopt;
    // The scheme is in any case (RFC 9110, section 4.2.3).
    std::size_t scheme = equals_lower(r.target.substr(0, 7), "http://")    ? 7
                         : equals_lower(r.target.substr(0, 8), "https://") ? 8
                                                                           : 0;
    if (scheme == 0) return refused_head{400, "the target is not a path"};
    std::size_t end = std::min(r.target.find_first_of("/?", scheme), r.target.size());
    r.host = r.target.substr(scheme, end - scheme);  // it counts, and not Host (RFC 9112, section 3.2.2)
    r.absolute = true;
    r.target = end == r.target.size() ? "/" : r.target.substr(end);
    if (!r.target.starts_with('/')) return refused_head{400, "the target is not a path"};
    if (!parse_authority(r.host)) return refused_head{400, "the host of the target is not host[:port]"};
    return std::nullopt;
}

std::optional<refused_head> read_max_forwards(request& r, std::string_view value)
{
    std::uint64_t n = 0;
    auto parsed = std::from_chars(value.data(), value.data() + value.size(), n);
    if (r.max_forwards || value.empty() || parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size())
        return refused_head{400, "Max-Forwards is not a number"};
    r.max_forwards = n;
    return std::nullopt;
}

std::optional<refused_head> read_field(request& r, const field_view& f)
{
    if (equals_lower(f.name, "host"))
        r.host = f.value;
    else if (equals_lower(f.name, "authorization"))
    {
        if (std::exchange(r.has_authorization, true)) return refused_head{400, "Authorization stands there twice"};
        r.authorization = f.value;
    }
    else if (equals_lower(f.name, "cache-control"))
        read_cache_control(r.asked, f.value);
    else if (equals_lower(f.name, "expect") && r.minor >= 1)  // RFC 9110, section 10.1.1
    {
        if (!equals_lower(f.value, "100-continue"))
            return refused_head{417, "of the expectations 100-continue alone is known"};
        r.expects = true;
    }
    else if (equals_lower(f.name, "max-forwards") && (r.method == "OPTIONS" || r.method == "TRACE"))
        return read_max_forwards(r, f.value);
    else if (equals_lower(f.name, "prefer"))
        read_prefer(r.asked, f.value);
    else if (equals_lower(f.name, "priority"))
        read_priority(r.asked, f.value);
    else if (equals_lower(f.name, "if-none-match"))
        r.has_if_none_match = true;
    else if (equals_lower(f.name, "via"))
        r.has_via = true;
    else if (equals_lower(f.name, "user-agent"))
        r.user_agent = f.value;
    else if (equals_lower(f.name, "origin"))
        r.origin = f.value;
    else if (equals_lower(f.name, "sec-fetch-site"))
        r.sec_fetch_site = f.value;
    else if (equals_lower(f.name, "sec-fetch-mode"))
        r.sec_fetch_mode = f.value;
    return std::nullopt;
}

bool matches_etag(std::string_view list, std::string_view etag)
{
    if (trimmed(list) == "*") return true;
    for (std::size_t begin; (begin = list.find_first_not_of(" \t,")) != std::string_view::npos;)
    {
        list.remove_prefix(begin);
        if (list.starts_with("W/")) list.remove_prefix(2);
        if (!list.starts_with('"')) return false;
        std::size_t end = list.find('"', 1);
        if (end == std::string_view::npos) return false;
        if (list.substr(0, end + 1) == etag) return true;
        list.remove_prefix(end + 1);
    }
    return false;
}

}  // namespace

request_or_refusal read_request(const head_view& head)
{
    request r;
    r.method = head.method;
    r.target = head.target;
    r.minor = head.minor;
    if (head.fields.size() > request_fields_max)
        return {r, refused_head{431, "the head has more than " + std::to_string(request_fields_max) + " fields"}};
    if (auto refused = check_host(head.fields, head.minor)) return {r, refused};
    auto framed = framing_of(head.fields, head.minor, 0);
    if (framed.refused) return {r, framed.refused};
    r.body = framed.body;
    r.fields = head.fields;
    r.keep_alive = keeps_alive(head);
    bool has_cache_control = false;
    for (const field_view& f : head.fields)
    {
        has_cache_control = has_cache_control || equals_lower(f.name, "cache-control");
        if (auto refused = read_field(r, f)) return {r, refused};
    }
    if (!has_cache_control)
        for (const field_view& f : head.fields)
            if (equals_lower(f.name, "pragma")) read_pragma(r.asked, f.value);
    if (auto refused = read_target(r)) return {r, refused};
    return {r, std::nullopt};
}

bool request::is_safe() const
{
    return is_get() || is_head() || method == "OPTIONS" || method == "TRACE";
}

bool request::has(std::string_view etag) const
{
    if (!has_if_none_match || etag.empty()) return false;
    return std::any_of(fields.begin(), fields.end(), [&](const field_view& f) {
        return equals_lower(f.name, "if-none-match") && matches_etag(f.value, etag);
    });
}

}  // namespace callcache
