// The head of an answer of the vendor.
#pragma once

#include "server/http/head_guard.hpp"
#include "server/http/reply.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

inline constexpr std::size_t answer_head_bytes_max = 64 << 10;
inline constexpr std::size_t answer_fields_max = 500;

struct answer_head
{
    unsigned status = 0;
    std::string reason;
    std::vector<field> fields;  // end-to-end ones, in order
    framing body;  // also of an answer to HEAD, which has none; what `until_close` means ends with the connection

    bool is_interim() const { return status >= 100 && status < 200 && status != 101; }
    bool is_final() const { return status >= 200 && status <= 599; }
};

struct answer_head_or_refusal
{
    answer_head head;
    bool persistent = false;  // the connection may go on after the answer (RFC 9112, section 9.3)
    std::optional<refused_head> refused;
};

// REQUIRES: `head` is whole, with the empty line at its end, and head_scanner found its lines good.
answer_head_or_refusal read_answer_head(std::string_view head);

}  // namespace callcache
