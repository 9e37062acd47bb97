#include "server/text/json_text.hpp"

#include <cstdio>

namespace callcache
{

template<class Out>
void json_text::shown_utf8::EncodeUnsafe(Out& out, unsigned codepoint)
{
    if (!is_acted_upon(codepoint) && codepoint != '<') return UTF8::EncodeUnsafe(out, codepoint);
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04X", codepoint);
    for (const char* c = escape; *c; ++c) PutUnsafe(out, *c);
}

void json_text::put_string(std::string_view text)
{
    std::string valid = valid_utf8(text);  // the writer would read on behind a character that is cut off
    writer_.String(valid.data(), rapidjson::SizeType(valid.size()));
}

}  // namespace callcache
