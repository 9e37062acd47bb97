#include "cache/json_scanner.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace callcache;

namespace
{

using event = json_scanner::event;

std::string repeat(std::string_view text, int times)
{
    std::string all;
    while (times-- > 0) all += text;
    return all;
}

// What the scanner tells of a text that comes in pieces of `step` bytes: a line for each event, and at the end whether
// it is whole. Each piece has an address of its own.
std::string told(const std::string& text, std::size_t step)
{
    constexpr const char* words[] = {"", "malformed", "{", "}", "[", "]", "name", "string", "other"};
    json_scanner at;
    std::string lines;
    for (std::size_t from = 0; from < text.size(); from += step)
    {
        const std::vector<char> copy(text.begin() + long(from),
                                     text.begin() + long(std::min(text.size(), from + step)));
        std::string_view piece(copy.data(), copy.size());
        for (;;)
        {
            event e = at.next(piece);
            if (e == event::more) break;
            if (e == event::malformed) return lines + "malformed";
            lines += std::string(words[int(e)]) + " " + std::to_string(at.depth()) + " " + std::to_string(at.begin()) +
                     "-" + std::to_string(at.end()) + " " + std::string(at.text()) + "\n";
        }
        CHECK(piece.empty());
    }
    return lines + (at.is_whole() ? "whole" : "not whole");
}

// The same, whatever the pieces.
std::string told(const std::string& text)
{
    const std::string at_once = told(text, std::max<std::size_t>(text.size(), 1));
    for (std::size_t step : {1, 2, 3, 7, 64}) CHECK(told(text, step) == at_once);
    return at_once;
}

bool is_json(const std::string& text)
{
    return told(text).ends_with("\nwhole") || told(text) == "whole";
}

}  // namespace

TEST_CASE("json_scanner: it says where each name and value begins and ends, and how deep it stands")
{
    CHECK(told(" {\"a\": [1,\"b\" , true],\n\"c\":{}} ") == "{ 0 1-2 \n"
                                                            "name 1 2-5 \"a\"\n"
                                                            "[ 1 7-8 \n"
                                                            "other 2 8-9 1\n"
                                                            "string 2 10-13 \"b\"\n"
                                                            "other 2 16-20 true\n"
                                                            "] 1 20-21 \n"
                                                            "name 1 23-26 \"c\"\n"
                                                            "{ 1 27-28 \n"
                                                            "} 1 28-29 \n"
                                                            "} 0 29-30 \n"
                                                            "whole");
}

TEST_CASE("json_scanner: every value that the grammar allows is JSON, also at the root (RFC 8259, section 2)")
{
    for (const char* text : {"{}", "[]", "\"\"", "0", "true", "false", "null", " \t\r\n[ ] \n", "[[],{},[{}]]",
                             "{\"\":\"\"}", "{\"a\":1,\"a\":1}", "[true,false,null]", "[\"a\",\"b\"]"})
    {
        CAPTURE(text);
        CHECK(is_json(text));
    }
}

TEST_CASE("json_scanner: what is not the grammar's is malformed, or not whole")
{
    for (const char* text : {"",
                             " ",
                             "[",
                             "]",
                             "{",
                             "}",
                             "[}",
                             "{]",
                             "[1",
                             "[1,",
                             "[1,]",
                             "[,1]",
                             "[,]",
                             "[1 2]",
                             "[1]]",
                             "[1],",
                             "[1],\"a\":1",
                             "1,\"a\":1",
                             "[1]x",
                             "[1][2]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{,}",
                             "{1:2}",
                             "{a:1}",
                             "{'a':1}",
                             "{\"a\" 1}",
                             "{\"a\":1 \"b\":2}",
                             "{\"a\"::1}",
                             "{:1}",
                             "{\"a\",1}",
                             "{\"a\":1:2}",
                             "[\"a\":1]",
                             "[truE]",
                             "[tru]",
                             "[truee]",
                             "[True]",
                             "[nul]",
                             "[nan]",
                             "[NaN]",
                             "[Infinity]",
                             "[-Infinity]",
                             "[undefined]",
                             "[fals]",
                             "t",
                             "tru",
                             "nulll",
                             "1 1",
                             "//\n[]",
                             "[]//",
                             "/**/[]",
                             "[1/**/]",
                             "#[]",
                             "\xef\xbb\xbf[]",
                             "[]\xef\xbb\xbf",
                             "\f[]",
                             "[\v]",
                             "[\xc2\xa0]",
                             "\xff",
                             "[`]",
                             "{\"a\":1}{",
                             "{null:1}",
                             "{[]:1}"})
    {
        CAPTURE(text);
        CHECK_FALSE(is_json(text));
    }
    for (std::size_t at = 0; at <= 7; ++at) CHECK_FALSE(is_json(std::string("[1,{}] ").insert(at, 1, '\0')));
}

TEST_CASE("json_scanner: numbers (RFC 8259, section 6), however large")
{
    const std::vector<std::string> numbers{"0",
                                           "-0",
                                           "7",
                                           "-10",
                                           "0.0",
                                           "1.25",
                                           "-0.10",
                                           "1e5",
                                           "1E5",
                                           "1e+05",
                                           "1e-0",
                                           "0e0",
                                           "10.01e10",
                                           "1e999",
                                           "-1E+400",
                                           "1e-999",
                                           repeat("9", 400),
                                           "0." + repeat("0", 400) + "1"};
    for (const std::string& number : numbers)
    {
        CAPTURE(number);
        CHECK(is_json(number));
        CHECK(is_json("[" + number + "]"));
        CHECK(told("{\"n\":" + number + " }").find(number + "\n}") != std::string::npos);
    }
    for (const char* number :
         {"-",     "+1",    "01",   "00",  "-01",  "1.",  ".5", "-.5",   "1.e1",         "1e", "1e+", "1e-", "1E+-1",
          "1e1.5", "1.2.3", "0x10", "1_0", "1,0,", "--1", "1-", "1e1e1", "\xef\xbc\x91", "1a", "0b1", "1f",  "2d"})
    {
        CAPTURE(number);
        CHECK_FALSE(is_json(number));
        CHECK_FALSE(is_json("[" + std::string(number) + "]"));
    }
}

TEST_CASE("json_scanner: escapes (RFC 8259, section 7), also half a surrogate pair (section 8.2)")
{
    for (const char* inside :
         {R"(\"\\\/\b\f\n\r\t)", R"(\u0000)", R"(\uD83D\uDE00)", R"(\ud83d)", R"(\ude00)", R"(\ude00\ud83d)",
          R"(\ud83d\ud83d)", R"(\ud83dx)", R"(\ud83d\n)", R"(\uABcd)", R"(\\u12)", R"(\\)"})
    {
        CAPTURE(inside);
        CHECK(is_json("\"" + std::string(inside) + "\""));
        CHECK(is_json("{\"" + std::string(inside) + "\":\"" + inside + "\"}"));
    }
    for (const char* inside :
         {R"(\)", R"(\x)", R"(\')", R"(\U0041)", R"(\u)", R"(\u1)", R"(\u12)", R"(\u123)", R"(\u123g)", R"(\u 123)",
          R"(\u+123)", R"(\ud83d\u)", R"(\0)", R"(\a)", R"(")", "\\\n", "\\\xc3\xa9"})
    {
        CAPTURE(inside);
        CHECK_FALSE(is_json("\"" + std::string(inside) + "\""));
    }
    for (int c = 0; c < 0x20; ++c) CHECK_FALSE(is_json("\"" + std::string(1, char(c)) + "\""));
    CHECK(is_json("\"\x7f\""));
}

TEST_CASE("json_scanner: strings are UTF-8 (RFC 8259, section 8.1; RFC 3629, section 4)")
{
    for (std::string inside :
         {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xec\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
          "\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xef\xbb\xbf"})
    {
        CAPTURE(inside);
        CHECK(is_json("\"" + inside + "\""));
        CHECK(is_json("\"a" + inside + inside + "b\""));
        CHECK_FALSE(is_json("\"" + inside.substr(0, inside.size() - 1) + "\""));
        CHECK_FALSE(is_json("\"" + inside.substr(1) + "\""));
        CHECK_FALSE(is_json(inside));
    }
    for (std::string inside : {"\x80",
                               "\xbf",
                               "\xc0\x80",
                               "\xc0\xaf",
                               "\xc1\xbf",
                               "\xc3",
                               "\xc3\x28",
                               "\xc3\xc3",
                               "\xe0\x80\xaf",
                               "\xe0\x9f\xbf",
                               "\xe2\x28\xa1",
                               "\xe2\x82\x28",
                               "\xed\xa0\x80",
                               "\xed\xbf\xbf",
                               "\xf0\x80\x80\x80",
                               "\xf0\x8f\xbf\xbf",
                               "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xf8\x88\x80\x80\x80",
                               "\xfe",
                               "\xff"})
    {
        CAPTURE(inside);
        CHECK_FALSE(is_json("\"" + inside + "\""));
    }
}

TEST_CASE("json_scanner: depth is bounded, whether objects or arrays are nested")
{
    auto nested = [](int objects, int arrays) {
        return repeat("{\"a\":", objects) + repeat("[", arrays) + repeat("]", arrays) + repeat("}", objects);
    };
    CHECK(is_json(nested(0, json_depth_max)));
    CHECK(is_json(nested(json_depth_max - 1, 1)));
    CHECK(is_json(repeat("[" + nested(1, 60) + ",", 2) + "1]]"));
    CHECK_FALSE(is_json(nested(0, json_depth_max + 1)));
    CHECK_FALSE(is_json(nested(json_depth_max, 1)));
    CHECK_FALSE(is_json(repeat("{\"a\":", json_depth_max + 1) + "1" + repeat("}", json_depth_max + 1)));
    CHECK(told(repeat("[", 1 << 20), 1000).ends_with("malformed"));
}

TEST_CASE("json_scanner: once malformed, it stays so")
{
    json_scanner at;
    std::string_view bad = "x", good = "[]";
    CHECK(at.next(bad) == event::malformed);
    CHECK(at.next(good) == event::malformed);
    CHECK_FALSE(at.is_whole());
}

TEST_CASE("json_scanner: a text beyond the bound is not told, but where it stands, whatever the pieces")
{
    for (std::size_t size : {json_text_bytes_max, json_text_bytes_max + 1})
        for (std::size_t step : {std::size_t(1000), json_text_bytes_max, json_text_bytes_max + 1, size + 2})
        {
            const std::string text = "\"" + std::string(size - 2, 'x') + "\"", rest = "0-" + std::to_string(size) + " ";
            const bool fits = size == json_text_bytes_max;
            CHECK(told(text, step) == "string 0 " + rest + (fits ? text : "") + "\nwhole");
        }
}

TEST_CASE("json_unescaped: the characters that a string stands for")
{
    CHECK(json_unescaped("\"\"") == "");
    CHECK(json_unescaped("\"Gr\xc3\xbc\xc3\x9f Gott\"") == "Gr\xc3\xbc\xc3\x9f Gott");
    CHECK(json_unescaped(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
    CHECK(json_unescaped(R"("a\u0062\u0000c")") == std::string("ab\0c", 4));
    CHECK(json_unescaped(R"("\u007f\u0080\u07FF\u0800\uffff")") == "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
    CHECK(json_unescaped(R"("\ud800\udc00\uDBFF\uDFFF\ud83d\ude00")") ==
          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xf0\x9f\x98\x80");
    CHECK(json_unescaped(R"("\\u0041")") == "\\u0041");
    CHECK(json_unescaped(R"("\ud83dx\ud83d\ud83d\ude00\ude00")") ==
          "\xed\xa0\xbdx\xed\xa0\xbd\xf0\x9f\x98\x80\xed\xb8\x80");
    CHECK(json_unescaped(R"("\ud83d\ue000\ude00\ude00")") == "\xed\xa0\xbd\xee\x80\x80\xed\xb8\x80\xed\xb8\x80");
}
