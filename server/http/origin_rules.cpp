#include "server/http/origin_rules.hpp"

#include "config/address.hpp"

#include <algorithm>

namespace callcache
{

bool is_own_host(std::string_view authority, const std::vector<std::string>& further_hosts)
{
    auto at = parse_host_port(authority);
    if (!at) at = parse_host_port(std::string(authority) + ":0");
    if (!at) return false;
    std::string host = at->host;
    std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return is_loopback(host) || std::find(further_hosts.begin(), further_hosts.end(), host) != further_hosts.end();
}

std::optional<refused_head> refuse_web_page(const request& r, const std::vector<std::string>& further_hosts)
{
    if (!is_own_host(r.host, further_hosts))
        return refused_head{421, "the Host of this request is not one of callcache's names; use localhost, or list the "
                                 "name in server.hosts"};
    if (!r.origin.empty() || (!r.sec_fetch_site.empty() && r.sec_fetch_site != "none"))
        return refused_head{403, "requests of web pages are not answered here"};
    if (r.method == "OPTIONS") return refused_head{403, "OPTIONS is not answered here: no web page may ask"};
    return std::nullopt;
}

}  // namespace callcache
