// Makes text that somebody else wrote safe to show to a person or a terminal.
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

// `text` with `?` for what is not UTF-8.
std::string valid_utf8(std::string_view text);

// `text` as json_text writes it, without the quotes around it.
std::string json_escaped(std::string_view text);

}  // namespace callcache
