#pragma once

#include "server/http/request.hpp"

#include <string_view>
#include <vector>

namespace callcache
{

// Reads a whole head whose lines a head_scanner found good; Beast's parser has the last word. What is read points into
// `head` and into `fields`, whose room is used again.
request_or_refusal read_request_head(std::string_view head, std::vector<field_view>& fields);

}  // namespace callcache
