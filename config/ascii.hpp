// Text in ASCII, as HTTP's fields and the configuration have it: kinds of characters, case, white space, lists. Nothing
// here asks for the locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace callcache
{

constexpr bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

constexpr bool is_hex_digit(unsigned char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_alphanumeric(unsigned char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char lowered(char c)
{
    return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

inline std::string lowered(std::string_view text)
{
    std::string lower(text);
    for (char& c : lower) c = lowered(c);
    return lower;
}

// True if `a` equals `lower`, which is in lower case, whatever the case of `a`.
constexpr bool equals_lower(std::string_view a, std::string_view lower)
{
    if (a.size() != lower.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lowered(a[i]) != lower[i]) return false;
    return true;
}

// Without the spaces and tabs around it.
constexpr std::string_view trimmed(std::string_view text)
{
    auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// Without the byte order mark (U+FEFF in UTF-8) that some editors put at the beginning of a file.
constexpr std::string_view without_mark(std::string_view text)
{
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    return text;
}

// True if `text` begins with the byte order mark of UTF-16, in which Windows' PowerShell writes files.
constexpr bool is_utf16(std::string_view text)
{
    return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

// Removes and returns the first element of a list, untrimmed; also removes the separator after it. An element may be
// empty (RFC 9110, section 5.6.1.2). A separator inside quotes is still a separator. `separators` is a character or a
// text of them.
template<class Separators = char>
constexpr std::string_view take_element(std::string_view& list, Separators separators = ',')
{
    std::string_view element = list.substr(0, list.find_first_of(separators));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    return element;
}

}  // namespace callcache
