// The heads of a forwarded request and of its answer. Each is built anew, with exactly one framing.
#pragma once

#include "server/front/response_context.hpp"
#include "server/http/answer_head.hpp"

#include <string>
#include <string_view>

namespace callcache
{

// What the vendor gets, without a body's framing and the empty line: the request line, callcache's own fields, which no
// Connection field of the tool's takes away, and the tool's end-to-end fields in their order (RFC 9110, section 7.6).
std::string forwarded_head(const request&, std::string_view target, std::string_view authority,
                           std::string_view authorization);

// Appends what the tool gets before the body. `chunked`: the body is framed so.
void write_answer_head(response_context&, const answer_head&, bool chunked, wall_time now);

}  // namespace callcache
