#include "config/ascii.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace callcache;

namespace
{

template<class... Separators>
std::vector<std::string_view> elements(std::string_view list, Separators... separators)
{
    std::vector<std::string_view> all;
    while (!list.empty()) all.push_back(take_element(list, separators...));
    return all;
}

using texts = std::vector<std::string_view>;

}  // namespace

TEST_CASE("ascii: digits, hexadecimal digits and letters, and none of their neighbours or of the other half")
{
    std::string digits, hex, letters_and_digits;
    for (int c = 0; c < 256; ++c)
    {
        if (is_digit(static_cast<unsigned char>(c))) digits += char(c);
        if (is_hex_digit(static_cast<unsigned char>(c))) hex += char(c);
        if (is_alphanumeric(static_cast<unsigned char>(c))) letters_and_digits += char(c);
    }
    CHECK(digits == "0123456789");
    CHECK(hex == "0123456789ABCDEFabcdef");
    CHECK(letters_and_digits == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("ascii: equals_lower and lowered know the case of ASCII letters alone")
{
    CHECK(equals_lower("Content-TYPE", "content-type"));
    CHECK(equals_lower("", ""));
    CHECK_FALSE(equals_lower("a", ""));
    CHECK_FALSE(equals_lower("content_type", "content-type"));
    CHECK_FALSE(equals_lower("@", "`"));
    CHECK_FALSE(equals_lower("\xc3\x9c", "\xc3\xbc"));
    CHECK(lowered("@AZ[`az{\xc3\x9c") == "@az[`az{\xc3\x9c");
}

TEST_CASE("ascii: spaces and tabs around a text are trimmed, and nothing else")
{
    CHECK(trimmed(" \t a\tb \t") == "a\tb");
    CHECK(trimmed("\r\n\v") == "\r\n\v");
    CHECK(trimmed(" \t ") == "");
    CHECK(trimmed("") == "");
}

TEST_CASE("ascii: a list gives up its elements as they stand there, the empty ones too")
{
    CHECK(elements("a, b ,c") == texts{"a", " b ", "c"});
    CHECK(elements(",,a,") == texts{"", "", "a"});
    CHECK(elements("\"a,b\"") == texts{"\"a", "b\""});
    CHECK(elements("a b;c", ';') == texts{"a b", "c"});
    CHECK(elements("a,b c\td", ", \t") == texts{"a", "b", "c", "d"});
    CHECK(elements("") == texts{});
}
