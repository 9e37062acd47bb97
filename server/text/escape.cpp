#include "server/text/escape.hpp"

#include "server/text/json_text.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>

namespace callcache
{
namespace
{

// With `?` for bytes that are no character, up to the next that are one, and for a character that is not to stay.
template<class Stays>
std::string with_question_marks(std::string_view text, Stays stays)
{
    rapidjson::MemoryStream in(text.data(), text.size());
    rapidjson::StringBuffer out;
    while (in.Tell() < text.size())
    {
        unsigned codepoint = 0;
        bool good = rapidjson::UTF8<>::Decode(in, &codepoint) && stays(codepoint);
        rapidjson::UTF8<>::Encode(out, good ? codepoint : '?');
    }
    return {out.GetString(), out.GetSize()};
}

}  // namespace

bool is_acted_upon(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::string harmless(std::string_view text)
{
    return with_question_marks(text, [](unsigned c) { return !is_acted_upon(c); });
}

std::string valid_utf8(std::string_view text)
{
    return with_question_marks(text, [](unsigned) { return true; });
}

std::string json_escaped(std::string_view text)
{
    json_text json;
    json.put(text);
    std::string quoted = json.text();
    return quoted.substr(1, quoted.size() - 2);
}

}  // namespace callcache
