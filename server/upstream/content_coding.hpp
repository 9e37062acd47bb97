// Content codings of the vendor's answers (RFC 9110, section 8.4). callcache asks for none where it reads an answer;
// gzip that comes all the same is undone.
#pragma once

#include "server/upstream/answer.hpp"

namespace callcache
{

// True if the body is not the content itself.
bool is_coded(const upstream_answer&);

// The answer without its coding, if that is gzip and nothing else. nullopt if it is not, or the body is not one or more
// whole members (RFC 1952, section 2.2) with nothing behind them, or more than `body_max` bytes once decoded.
std::optional<upstream_answer> without_gzip(const upstream_answer&, std::size_t body_max);

}  // namespace callcache
