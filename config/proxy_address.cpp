// Which proxy the environment means has no standard; this is what the common programs agree about: NO_PROXY is a list
// of names, each of which stands for the names below it too, with or without a dot before it; of addresses; of either
// with a port; `*` is everything. Ranges of addresses (10.0.0.0/8) are not known here: the vendor has a name.

#include "config/proxy_address.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace callcache
{
namespace
{

std::optional<std::string> percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        unsigned char c = static_cast<unsigned char>(text[i]);
        if (c == '%')
        {
            std::string_view digits = text.substr(i + 1, 2);
            auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
            if (digits.size() != 2 || parsed.ec != std::errc{} || parsed.ptr != digits.data() + 2) return std::nullopt;
            i += 2;
        }
        // Not of a login (RFC 7617, section 2).
        if (c < ' ' || c == 127) return std::nullopt;
        out += char(c);
    }
    return out;
}

const std::string* find(environment_variables all, std::initializer_list<std::string_view> names)
{
    for (std::string_view wanted : names)
        for (const auto& [name, value] : all)
            if (name == wanted && !value.empty()) return &value;
    return nullptr;
}

bool is_meant_by(std::string_view entry, const host_port& at)
{
    if (entry == "*") return true;
    if (auto with_port = parse_host_port(entry))
    {
        if (with_port->port != at.port) return false;
        entry = entry.substr(0, entry.rfind(':'));
    }
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) return false;
    return at.host == entry || at.host.ends_with("." + std::string(entry));
}

bool is_excepted(std::string_view list, const host_port& at)
{
    while (!list.empty())
        if (is_meant_by(take_element(list, ", \t"), at)) return true;
    return false;
}

}  // namespace

std::string proxy_address::text() const
{
    return (login.empty() ? "http://" : "http://***@") + at.text();
}

std::optional<proxy_address> parse_proxy(std::string_view url)
{
    if (std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    {
        if (lowered(url.substr(0, scheme)) != "http") return std::nullopt;
        url.remove_prefix(scheme + 3);
    }
    proxy_address p;
    if (std::size_t at = url.rfind('@'); at != std::string_view::npos)
    {
        std::size_t colon = std::min(url.find(':'), at);
        auto user = percent_decoded(url.substr(0, colon));
        auto password = percent_decoded(url.substr(std::min(colon + 1, at), at - std::min(colon + 1, at)));
        // With a colon in it nobody could tell where the user's name ends.
        if (!user || !password || user->find(':') != std::string::npos) return std::nullopt;
        p.login = *user + ":" + *password;
        url.remove_prefix(at + 1);
    }
    if (url.ends_with('/')) url.remove_suffix(1);
    auto at = parse_host_port(url);
    if (!at || at->port == 0) return std::nullopt;
    p.at = *at;
    return p;
}

std::optional<std::string> proxy_of_environment(environment_variables all, const origin& upstream)
{
    const std::string* url = find(all, {"HTTPS_PROXY", "https_proxy"});
    if (!url || !upstream.tls) return std::nullopt;
    const std::string* list = find(all, {"NO_PROXY", "no_proxy"});
    bool excepted = is_loopback(upstream.at.host) || (list && is_excepted(lowered(*list), upstream.at));
    return excepted ? "" : *url;
}

}  // namespace callcache
