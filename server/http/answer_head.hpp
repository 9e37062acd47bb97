// The head of an answer: of the vendor, or of a proxy to CONNECT.
#pragma once

#include "server/http/head_guard.hpp"
#include "server/http/reply.hpp"

#include <optional>
#include <string>
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
    framing body;               // as the fields say; an answer to HEAD has the same fields, and no body

    bool is_interim() const { return status >= 100 && status < 200 && status != 101; }
    bool is_final() const { return status >= 200 && status <= 599; }
};

struct answer_head_or_refusal
{
    answer_head head;
    bool persistent = false;  // the connection may go on after the answer (RFC 9112, section 9.3)
    std::optional<refused_head> refused;
};

// Takes what matters from a head that head_reader has parsed.
answer_head_or_refusal read_answer(const head_view&);

}  // namespace callcache
