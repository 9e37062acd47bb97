#include "server/text/escape.hpp"

#include "cache/call_answer.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("harmless: what is shown stays, and what is acted upon is a question mark")
{
    CHECK(harmless("python-requests/2.31 (Zürich; 日本)") == "python-requests/2.31 (Zürich; 日本)");
    CHECK(harmless("a\r\nb\tc\x1b[2J\x7f") == "a??b?c?[2J?");
    CHECK(harmless("\xc2\x9b"
                   "2J") == "?2J");  // U+009B
    CHECK(harmless("\xe2\x80\xae"
                   "a\xe2\x81\xa6"
                   "b\xef\xbb\xbf") == "?a?b?");  // U+202E, U+2066, U+FEFF
    CHECK(harmless("\x9b"
                   "2J") == "?2J");  // no UTF-8
    CHECK(harmless("\xc3") == "?");
    CHECK(harmless("").empty());
}

TEST_CASE("json: text is escaped, whatever it holds")
{
    CHECK(json_escaped("") == "");
    CHECK(json_escaped("a\"b\\c") == "a\\\"b\\\\c");
    CHECK(json_escaped("\r\n\t") == "\\r\\n\\t");
    CHECK(json_escaped(std::string_view("\0\x1b", 2)) == "\\u0000\\u001B");
    CHECK(json_escaped("\x7f<\xc2\x9b\xe2\x80\xa8") == "\\u007F\\u003C\\u009B\\u2028");
    for (int c = 0; c < 256; ++c)
    {
        CAPTURE(c);
        std::string object = "{\"requestId\":\"" + json_escaped(std::string(3, char(c))) + "\",\"errors\":[]}";
        CHECK(is_vendor_error(object));
    }
}

TEST_CASE("json: bytes that are not UTF-8 are replaced, and those that are stay")
{
    CHECK(json_escaped("a\xff"
                       "b")
              .find('\xff') == std::string::npos);
    CHECK(json_escaped("cut \xc3").find('\xc3') == std::string::npos);
    CHECK(json_escaped("Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80") == "Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
}
