// Reads a whole head of a request or an answer: Beast's parser splits what head_scanner accepted, then ambiguous fields
// are refused.
#pragma once

#include "server/http/answer_head.hpp"
#include "server/http/request.hpp"

#include <string_view>
#include <vector>

namespace callcache
{

// REQUIRES of both: `head` is whole, with the empty line at its end, and head_scanner found its lines good.

// What is read points into `head` and into `fields`, whose room is used again.
request_or_refusal read_request_head(std::string_view head, std::vector<field_view>& fields);

// An answer of the vendor, or of a proxy to CONNECT.
answer_head_or_refusal read_answer_head(std::string_view head);

}  // namespace callcache
