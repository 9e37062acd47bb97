#include "server/alerts/webhook_url.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

bool is_target_character(unsigned char c)
{
    return c > ' ' && c < 127 && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\';
}

// A name with a dot at its end is the same host.
std::string_view host_of(const origin& o)
{
    std::string_view host = o.at.host;
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

}  // namespace

std::variant<webhook_url, std::string> parse_webhook(std::string_view line, const upstream_settings& s)
{
    const std::size_t scheme = line.find("://");
    const std::size_t authority = scheme == line.npos ? 0 : scheme + 3;
    const std::size_t end = std::min(line.find_first_of("/?#", authority), line.size());
    auto receiver = parse_origin(line.substr(0, end));
    std::string target(line.substr(end));
    if (!target.starts_with('/')) target.insert(0, 1, '/');
    if (!receiver || !std::all_of(target.begin(), target.end(), is_target_character))
        return "holds no URL such as https://hooks.slack.com/services/... (it is not shown, as it may be a secret)";
    if (!receiver->tls && !is_loopback(receiver->at.host) && !s.insecure)
        return "holds a URL that would send alerts unencrypted; use https://, or set upstream.insecure";
    auto upstream = parse_origin(s.url);
    if (upstream && host_of(*upstream) == host_of(*receiver) && upstream->at.port == receiver->at.port)
        return "holds a URL at upstream's own host and port (upstream.url): an alert there would be an API call that "
               "nobody has counted; name the receiver of alerts, such as Slack's incoming webhook";
    return webhook_url{*receiver, std::move(target)};
}

}  // namespace callcache
