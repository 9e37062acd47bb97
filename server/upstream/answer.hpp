// What the vendor answered, or why there is no answer.
#pragma once

#include "cache/time.hpp"
#include "server/http/reply.hpp"

#include <optional>
#include <string>
#include <variant>

namespace callcache
{

struct upstream_answer
{
    unsigned status = 0;
    std::vector<field> fields;  // end-to-end ones, in order
    std::string body;

    const std::string* find(std::string_view lower_name) const;
};

// Network failures are values.
struct upstream_failure
{
    enum class kind
    {
        down,         // it was not sent: upstream is down, and this was not the probe
        stopping,     // it was not sent: callcache is stopping
        tool_gone,    // the tool has hung up, or its body was not whole
        refused,      // it was not sent: the vendor has just refused its credential
        crowded,      // it was not sent: all connections are in use, or callcache has no room for one
        closed,       // the connection ended before a byte of an answer
        unreachable,  // no name, no connection
        bad_peer,     // TLS failed: the certificate, the host name, the protocol
        lost,         // the connection ended within the answer
        slow,         // no whole answer in time
        nonsense,     // what came is not an answer
        too_large,    // to be kept
    };
    kind what = kind::lost;
    std::string text;  // for the operator and the tool: what happened

    // closed: the connection had died while it was idle, and nobody was told (NAT, VPN, sleep). The others that were
    // idle may be as dead.
    bool is_silent = false;
};

// True if the vendor was asked, or could not be reached.
constexpr bool is_asked(upstream_failure::kind k)
{
    using kind = upstream_failure::kind;
    return k != kind::down && k != kind::stopping && k != kind::tool_gone && k != kind::refused && k != kind::crowded;
}

// 502, 503, 504: somebody before the vendor's own servers could not reach them.
constexpr bool is_gateway_error(unsigned status)
{
    return status >= 502 && status <= 504;
}

using upstream_result = std::variant<upstream_answer, upstream_failure>;

}  // namespace callcache
