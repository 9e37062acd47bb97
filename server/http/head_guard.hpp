// The strict reading of a message's head (RFC 9112), before the parser sees it.
//
// Boost 1.81's parser merges what it should refuse: folded lines, bare LF, several lengths. What two readers of one
// message could take for two different messages is refused here, on both sides of the proxy.
#pragma once

#include "config/ascii.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

struct field_view
{
    std::string_view name, value;
};

// What stands in a head, as views into it.
struct head_view
{
    std::string_view method, target;  // of a request
    unsigned status = 0;              // of an answer; 0 of a request
    std::string_view reason;          // of an answer
    int minor = 1;                    // of the version: HTTP/1.0, or HTTP/1.1 and what is later
    std::span<const field_view> fields;
};

// True if `name` is an element of a comma-separated list (RFC 9110, section 5.6.1), in any case.
bool has_element(std::string_view list, std::string_view name);

// A line of a head or a trailer section, without its end; nothing if it is not `name: value` (RFC 9112, section 5). The
// value is without the white space around it.
std::optional<field_view> read_field_line(std::string_view line);

// True if nothing in a target must be percent-encoded, and it is neither empty nor too long (RFC 9112, section 3.2).
bool is_good_target(std::string_view);

// Why a head is refused. A refused head leaves the framing in doubt, so the connection is closed after the answer.
struct refused_head
{
    unsigned status = 400;
    std::string text;
    int retry_after = 0;  // seconds; 0: not said
};

enum class head_kind
{
    request,
    response,
};

// Follows a head as its bytes arrive, so that a wrong one is refused at once and not only at its end.
class head_scanner
{
public:
    head_scanner(head_kind kind, std::size_t bytes_max) : kind_(kind), bytes_max_(bytes_max) {}

    enum class progress
    {
        incomplete,
        complete,
        refused,
    };

    // `bytes` is everything received of the message so far: each call passes at least what the last one did. Not called
    // again once it was complete or refused.
    progress scan(std::string_view bytes);

    std::size_t size() const { return at_; }                  // REQUIRES: complete
    const refused_head& refused() const { return refused_; }  // REQUIRES: refused

private:
    progress refuse(unsigned status, std::string text);

    const head_kind kind_;
    const std::size_t bytes_max_;
    std::size_t at_ = 0;    // the lines before it are good
    std::size_t seen_ = 0;  // the bytes before it hold no end of line after at_
    bool first_ = true;
    refused_head refused_;
};

// How a message's body is delimited.
struct framing
{
    enum class kind
    {
        none,
        length,
        chunked,
        until_close,  // responses alone
    };
    kind what = kind::none;
    std::uint64_t length = 0;
};

// The framing of a head whose lines are good, or why it is refused (RFC 9112, section 6): Transfer-Encoding that is not
// exactly one `chunked`, is repeated, stands beside Content-Length or in HTTP/1.0; Content-Length that is repeated or
// not a plain number. `minor` is the version's. `status` is 0 for a request.
struct framing_or_refusal
{
    framing body;
    std::optional<refused_head> refused;
};
framing_or_refusal framing_of(std::span<const field_view>, int minor, unsigned status);

// Nothing if there is exactly one good Host field (or none, in HTTP/1.0), else why the head is refused
// (RFC 9112, section 3.2).
std::optional<refused_head> check_host(std::span<const field_view>, int minor);

// True if the connection can carry another message (RFC 9112, section 9.3).
bool keeps_alive(const head_view&);

// The fields that concern one connection alone and are never handed on (RFC 9110, section 7.6.1): the ones that are
// known, and those that `Connection` names.
bool is_hop_by_hop(std::string_view name, std::span<const field_view> all);

}  // namespace callcache
