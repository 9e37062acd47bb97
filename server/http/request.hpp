// A request of a tool, as far as callcache acts upon it.
#pragma once

#include "cache/directives.hpp"
#include "cache/time.hpp"
#include "server/http/head_guard.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callcache
{

// Views into the head, which outlives it.
struct request
{
    std::string_view method;
    std::string_view target;  // in origin form
    std::string_view host;    // the Host field, or the target's authority if it was in absolute form
    bool absolute = false;    // the target was in absolute form
    int minor = 1;
    bool keep_alive = true;
    framing body;
    std::optional<std::uint64_t> max_forwards;  // of OPTIONS and TRACE
    bool expects = false;                       // waits for 100 (Continue) before it sends its body
    std::span<const field_view> fields;         // all of them, in order

    std::string_view authorization;
    bool has_authorization = false;
    bool has_if_none_match = false, has_via = false;
    std::string_view user_agent;
    std::string_view origin;  // of the web page that sent it (the Fetch standard)
    std::string_view sec_fetch_site, sec_fetch_mode;
    directives asked;
    steady_time arrived{};  // when its head was whole

    bool is_get() const { return method == "GET"; }
    bool is_head() const { return method == "HEAD"; }
    bool is_safe() const;  // RFC 9110, section 9.2.1

    // True if one of the entity tags of its If-None-Match is `etag`, or it is `*` (RFC 9110, section 13.1.2: the
    // comparison is weak).
    bool has(std::string_view etag) const;
};

struct request_or_refusal
{
    request good;
    std::optional<refused_head> refused;
};

// Takes what matters from a head that head_reader has parsed.
request_or_refusal read_request(const head_view&);

}  // namespace callcache
