#include "server/http/origin_rules.hpp"

#include "config/address.hpp"

#include <algorithm>

namespace callcache
{

bool is_own_host(std::string_view authority, const std::vector<std::string>& further_hosts)
{
    auto at = parse_authority(authority);
    if (!at) return false;
    auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
        return text;
    };
    std::string host = lower(at->host);
    return is_loopback(host) || std::any_of(further_hosts.begin(), further_hosts.end(),
                                            [&](const std::string& further) { return lower(further) == host; });
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
