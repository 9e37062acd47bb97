#include "server/text/escape.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>

#include <cstdio>

namespace callcache
{
namespace
{

// Calls back with each character; with nothing for bytes that are none, up to the next that are one.
template<class Each>
void decode(std::string_view text, Each each)
{
    rapidjson::MemoryStream in(text.data(), text.size());
    while (in.Tell() < text.size())
    {
        unsigned codepoint = 0;
        bool good = rapidjson::UTF8<>::Decode(in, &codepoint);
        each(good ? &codepoint : nullptr);
    }
}

std::string text_of(const rapidjson::StringBuffer& buffer)
{
    return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace

bool is_acted_upon(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::string harmless(std::string_view text)
{
    rapidjson::StringBuffer out;
    decode(text, [&](const unsigned* c) { rapidjson::UTF8<>::Encode(out, c && !is_acted_upon(*c) ? *c : '?'); });
    return text_of(out);
}

std::string json_escaped(std::string_view text)
{
    rapidjson::StringBuffer out;
    auto put = [&](std::string_view characters) {
        for (char c : characters) out.Put(c);
    };
    decode(text, [&](const unsigned* c) {
        char escape[8];
        if (!c)
            put("?");
        else if (*c == '"' || *c == '\\')
            put(*c == '"' ? "\\\"" : "\\\\");
        else if (*c == '\n' || *c == '\r' || *c == '\t')
            put(*c == '\n' ? "\\n" : *c == '\r' ? "\\r" : "\\t");
        else if (is_acted_upon(*c) || *c == '<')
            put({escape, std::size_t(std::snprintf(escape, sizeof escape, "\\u%04X", *c))});
        else
            rapidjson::UTF8<>::Encode(out, *c);
    });
    return text_of(out);
}

}  // namespace callcache
