// This process names itself in all that it hands on, by the Via field (RFC 9110, section 7.6.3), and in the answers
// that it gives itself, and knows its own again.
#pragma once

#include <string>
#include <string_view>

namespace callcache
{

// What a message of HTTP/1.1 that passes through gets: `1.1 callcache-` and eight hexadecimal digits, others in each
// process. Any thread.
const std::string& own_via();

// True if one of the members of a Via field is this process.
bool names_this_process(std::string_view via);

// How the body of each answer of this process's own begins: `{"requestId":"cc-` and the digits of own_via(). Any
// thread.
const std::string& own_body_begins();

// True of such a body, or of its beginning, maybe behind a chunk's size: a proxy on the way may have dropped the Via.
bool is_own_body(std::string_view);

}  // namespace callcache
