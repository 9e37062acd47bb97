// Addresses as an operator writes them: where to listen, and the origin of the vendor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

// Where to listen or connect. `host` is a name or an address without brackets.
struct host_port
{
    std::string host;
    std::uint16_t port = 0;

    // "api.gong.io:443", "[::1]:443"
    std::string text() const;

    bool operator==(const host_port&) const = default;
};

// "host:port" or "[v6]:port"; nothing if it is neither. A port of 0 lets the system choose.
std::optional<host_port> parse_host_port(std::string_view text);

// "host", "host:" or "host:port" as in a Host header (RFC 9110, section 7.2); a port that is not there is 0.
std::optional<host_port> parse_authority(std::string_view text);

// True if `host` can only mean this machine: localhost, 127.0.0.0/8, ::1.
bool is_loopback(std::string_view host);

// An origin of RFC 9110, section 4.3: scheme, host and port.
struct origin
{
    bool tls = true;
    host_port at;

    // As in a Host header: without the scheme's default port, with brackets around an IPv6 address.
    std::string authority() const;

    // "https://api.gong.io"
    std::string text() const;
};

// "https://host[:port]" or "http://host[:port]", with at most a "/" behind it; nothing for anything else.
std::optional<origin> parse_origin(std::string_view url);

}  // namespace callcache
