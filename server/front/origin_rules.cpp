#include "server/front/origin_rules.hpp"

#include "cache/entry.hpp"
#include "config/address.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

bool is_of_web_page(const request& r)
{
    return !r.origin.empty() || (!r.sec_fetch_site.empty() && r.sec_fetch_site != "none");
}

// REQUIRES: the Host is one of ours, or a name that somebody points at this machine would be its own origin. Behind an
// ingress that ends TLS the page's origin is https.
bool is_of_own_page(const request& r)
{
    bool same_site = r.sec_fetch_site.empty() || r.sec_fetch_site == "same-origin";
    const std::string host(r.host);
    return same_site && (r.origin.empty() || r.origin == "http://" + host || r.origin == "https://" + host);
}

// A link to the status page, from whichever page: it shows the page, and tells the other page nothing.
bool is_link_to_page(const request& r)
{
    return r.is_get() && path_of(r.target) == "/" && r.origin.empty() && r.sec_fetch_mode == "navigate";
}

bool is_json(const request& r)
{
    std::size_t types = 0, json = 0;
    for (const field_view& f : r.fields)
    {
        if (!equals_lower(f.name, "content-type")) continue;
        ++types;
        std::string_view type = f.value.substr(0, f.value.find_first_of("; \t"));
        if (equals_lower(type, "application/json")) ++json;
    }
    return types == 1 && json == 1;
}

std::optional<refused_head> refuse(const request& r, const std::vector<std::string>& further_hosts, bool of_web_page)
{
    if (!is_own_host(r.host, further_hosts))
        return refused_head{421, "the Host of this request is not one of callcache's names; use localhost, or list the "
                                 "name in server.hosts"};
    if (of_web_page) return refused_head{403, "requests of web pages are not answered here"};
    if (r.method == "OPTIONS") return refused_head{403, "OPTIONS is not answered here: no web page may ask"};
    return std::nullopt;
}

}  // namespace

bool is_own_host(std::string_view authority, const std::vector<std::string>& further_hosts)
{
    auto at = parse_authority(authority);
    if (!at) return false;
    std::string host = lowered(at->host);
    return is_loopback(host) || std::any_of(further_hosts.begin(), further_hosts.end(),
                                            [&](const std::string& further) { return lowered(further) == host; });
}

std::optional<refused_head> refuse_web_page(const request& r, const std::vector<std::string>& further_hosts)
{
    return refuse(r, further_hosts, is_of_web_page(r));
}

std::optional<refused_head> refuse_foreign_page(const request& r, const std::vector<std::string>& further_hosts)
{
    if (auto refused = refuse(r, further_hosts, is_of_web_page(r) && !is_of_own_page(r) && !is_link_to_page(r)))
        return refused;
    bool has_body = r.body.what == framing::kind::chunked || r.body.length > 0;
    if (has_body && !is_json(r))
        return refused_head{415, "a body is JSON here, and says so: send Content-Type: application/json"};
    return std::nullopt;
}

}  // namespace callcache
