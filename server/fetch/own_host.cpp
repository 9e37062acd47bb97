#include "server/fetch/own_host.hpp"

#include "config/ascii.hpp"

namespace callcache
{
namespace
{

bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Of an absolute URL, or one without a scheme ("//host/path"); nullopt of a path, and of anything else.
std::optional<origin> origin_of(std::string_view url, const origin& from)
{
    std::size_t slashes = url.find("//");
    if (slashes == std::string_view::npos || url.find_first_of("/?#") != slashes) return std::nullopt;
    std::string scheme = lowered(url.substr(0, slashes));
    if (scheme.empty()) scheme = from.tls ? "https:" : "http:";
    std::string_view authority = url.substr(slashes + 2);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    return parse_origin(scheme + "//" + std::string(authority));
}

}  // namespace

std::string redirects_to(const upstream_answer& a, const origin& from)
{
    if (!is_redirect(a.status)) return {};
    const std::string* location = a.find("location");
    auto to = location ? origin_of(*location, from) : std::nullopt;
    return to && to->text() != from.text() ? to->text() : std::string();
}

std::string own_host_hint(const origin& now)
{
    return "your company may have an API host of its own, such as https://us-12345.api.gong.io (Gong shows it beside "
           "the API keys); set it with --upstream URL or upstream.url. Now it is " +
           now.text();
}

}  // namespace callcache
