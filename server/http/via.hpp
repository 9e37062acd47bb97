// The Via field (RFC 9110, section 7.6.3): this process names itself in all that it hands on, and knows its own again.
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

}  // namespace callcache
