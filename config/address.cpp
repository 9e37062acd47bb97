#include "config/address.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace callcache
{
namespace
{

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

bool is_host_character(unsigned char c)
{
    return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
}

bool is_v6_character(unsigned char c)
{
    return is_hex_digit(c) || c == '.' || c == ':';
}

// The host and what stands behind it, or nothing.
std::optional<std::pair<std::string_view, std::string_view>> split_host(std::string_view text)
{
    if (text.starts_with('['))
    {
        std::size_t close = text.find(']');
        if (close == std::string_view::npos || close == 1) return std::nullopt;
        std::string_view host = text.substr(1, close - 1);
        if (!std::all_of(host.begin(), host.end(), is_v6_character)) return std::nullopt;
        return std::pair{host, text.substr(close + 1)};
    }
    std::string_view host = text.substr(0, text.find(':'));
    if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_character)) return std::nullopt;
    return std::pair{host, text.substr(host.size())};
}

std::string bracketed(const std::string& host)
{
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

std::optional<host_port> parse_host_port(std::string_view text)
{
    auto split = split_host(text);
    if (!split || !split->second.starts_with(':')) return std::nullopt;
    auto port = parse_port(split->second.substr(1));
    if (!port) return std::nullopt;
    return host_port{std::string(split->first), *port};
}

std::optional<host_port> parse_authority(std::string_view text)
{
    auto split = split_host(text);
    if (!split) return std::nullopt;
    if (split->second.empty() || split->second == ":") return host_port{std::string(split->first), 0};
    return parse_host_port(text);
}

bool is_loopback(std::string_view host)
{
    if (host == "localhost" || host == "::1") return true;
    if (!host.starts_with("127.")) return false;
    return std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || is_digit(c); });
}

std::string host_port::text() const
{
    return bracketed(host) + ":" + std::to_string(port);
}

std::string origin::authority() const
{
    return at.port == (tls ? 443 : 80) ? bracketed(at.host) : at.text();
}

std::string origin::text() const
{
    return (tls ? "https://" : "http://") + authority();
}

std::optional<origin> parse_origin(std::string_view url)
{
    origin o;
    if (url.starts_with("https://"))
        url.remove_prefix(8);
    else if (url.starts_with("http://"))
    {
        url.remove_prefix(7);
        o.tls = false;
    }
    else
        return std::nullopt;
    if (url.ends_with('/')) url.remove_suffix(1);
    auto split = split_host(url);
    if (!split) return std::nullopt;
    o.at.host = lowered(split->first);
    o.at.port = o.tls ? 443 : 80;
    if (split->second.empty()) return o;
    if (!split->second.starts_with(':')) return std::nullopt;
    auto port = parse_port(split->second.substr(1));
    if (!port || *port == 0) return std::nullopt;
    o.at.port = *port;
    return o;
}

}  // namespace callcache
