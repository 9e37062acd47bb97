// Text that somebody else wrote, where a person or a terminal reads it.
#pragma once

#include <string>
#include <string_view>

namespace callcache
{

// True for what a terminal, an editor or a browser acts upon rather than shows: control characters (the second set too:
// some terminals take U+009B for an escape sequence), what turns the direction of writing, and separators of lines.
bool is_acted_upon(unsigned codepoint);

// `text` with `?` for each such character, and for what is not UTF-8.
std::string harmless(std::string_view text);

// The same as the inside of a JSON string, with each such character, and `<`, as an escape: it may stand in a page too.
std::string json_escaped(std::string_view text);

}  // namespace callcache
