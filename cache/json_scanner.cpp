#include "cache/json_scanner.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t malformed = std::string_view::npos;

constexpr bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// The characters that stand in a string for themselves alone, and are one byte.
constexpr auto is_plain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
}();

void append_utf8(std::string& text, unsigned codepoint)
{
    auto put = [&](unsigned byte) { text += char(byte); };
    if (codepoint < 0x80) return put(codepoint);
    if (codepoint < 0x800)
        put(0xc0 | codepoint >> 6);
    else
    {
        if (codepoint < 0x10000)
            put(0xe0 | codepoint >> 12);
        else
        {
            put(0xf0 | codepoint >> 18);
            put(0x80 | (codepoint >> 12 & 0x3f));
        }
        put(0x80 | (codepoint >> 6 & 0x3f));
    }
    put(0x80 | (codepoint & 0x3f));
}

// The number behind `\u` at the front of `text`; 0 if there is none.
unsigned escaped_unit(std::string_view text)
{
    unsigned unit = 0;
    if (text.size() >= 6 && text.starts_with("\\u")) std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
    return unit;
}

}  // namespace

json_scanner::event json_scanner::next(std::string_view& piece)
{
    text_ = {};
    const char* from = piece.data();  // of the token, as far as it is in this piece
    auto take = [&](std::size_t bytes) {
        piece.remove_prefix(bytes);
        at_ += bytes;
    };
    while (token_ == token::none)
    {
        while (!piece.empty() && is_space(piece.front())) take(1);
        if (piece.empty()) return event::more;
        from = piece.data();
        begin_ = at_;
        event e = between_tokens(piece.front());
        if (e == event::malformed) return fail();
        take(1);
        if (e != event::more) return e;
        carried_.clear();
    }
    std::size_t bytes = take_token(piece);
    if (bytes == malformed) return fail();
    take(bytes);
    const std::string_view here(from, std::size_t(piece.data() - from));
    if (is_ended_) return end_token(here);
    carry(here);
    return event::more;
}

bool json_scanner::is_whole() const
{
    bool is_ended = token_ == token::number ? is_number() : token_ == token::none && place_ == place::behind_value;
    return open_ == 0 && is_ended;
}

json_scanner::event json_scanner::fail()
{
    place_ = place::nowhere;
    token_ = token::none;
    return event::malformed;
}

// `more` if a token begins, or another event follows.
json_scanner::event json_scanner::between_tokens(char c)
{
    switch (place_)
    {
    case place::first_element:
        if (c == ']') return close(true);
        [[fallthrough]];
    case place::value:
        if (c == '{' || c == '[') return open(c == '[');
        return begin_scalar(c) ? event::more : event::malformed;
    case place::first_name:
        if (c == '}') return close(false);
        [[fallthrough]];
    case place::name: token_ = token::name; return c == '"' ? event::more : event::malformed;
    case place::colon: place_ = place::value; return c == ':' ? event::more : event::malformed;
    case place::behind_value:
        if (c == ']' || c == '}') return close(c == ']');
        place_ = arrays_ & 1 ? place::value : place::name;
        return c == ',' && open_ > 0 ? event::more : event::malformed;
    case place::nowhere: break;
    }
    return event::malformed;
}

json_scanner::event json_scanner::open(bool is_array)
{
    if (open_ == json_depth_max) return event::malformed;
    depth_ = open_++;
    arrays_ = arrays_ << 1 | std::uint64_t(is_array);
    place_ = is_array ? place::first_element : place::first_name;
    return is_array ? event::array_begins : event::object_begins;
}

json_scanner::event json_scanner::close(bool is_array)
{
    if (open_ == 0 || bool(arrays_ & 1) != is_array) return event::malformed;
    depth_ = --open_;
    arrays_ >>= 1;
    place_ = place::behind_value;
    return is_array ? event::array_ends : event::object_ends;
}

bool json_scanner::begin_scalar(char c)
{
    if (c == '"')
        token_ = token::string;
    else if (c == '-' || is_digit(c))
    {
        token_ = token::number;
        part_ = c == '-' ? part::minus : c == '0' ? part::zero : part::integer;
    }
    else
    {
        token_ = token::literal;
        literal_left_ = c == 't' ? "rue" : c == 'f' ? "alse" : c == 'n' ? "ull" : "";
    }
    return token_ != token::literal || !literal_left_.empty();
}

std::size_t json_scanner::take_token(std::string_view in)
{
    is_ended_ = false;
    if (token_ == token::number) return take_number(in);
    if (token_ == token::literal) return take_literal(in);
    return take_string(in);
}

std::size_t json_scanner::take_string(std::string_view in)
{
    for (std::size_t i = 0; i < in.size(); ++i)
    {
        const auto c = static_cast<unsigned char>(in[i]);
        if (bytes_left_ > 0)
        {
            if (c < least_ || c > most_) return malformed;
            least_ = 0x80, most_ = 0xbf;
            --bytes_left_;
        }
        else if (hex_left_ > 0)
        {
            if (!is_hex_digit(c)) return malformed;
            --hex_left_;
        }
        else if (is_escape_)
        {
            if (std::string_view("\"\\/bfnrtu").find(char(c)) == std::string_view::npos) return malformed;
            is_escape_ = false;
            if (c == 'u') hex_left_ = 4;
        }
        else if (is_plain[c])
            while (i + 1 < in.size() && is_plain[static_cast<unsigned char>(in[i + 1])]) ++i;
        else if (c == '"')
        {
            is_ended_ = true;
            return i + 1;
        }
        else if (c == '\\')
            is_escape_ = true;
        else if (!begin_character(c))
            return malformed;
    }
    return in.size();
}

// A character of several bytes (RFC 3629, section 4).
bool json_scanner::begin_character(unsigned char c)
{
    if (c < 0xc2 || c > 0xf4) return false;
    bytes_left_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    least_ = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    most_ = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

std::size_t json_scanner::take_number(std::string_view in)
{
    std::size_t taken = 0;
    while (taken < in.size() && continue_number(in[taken])) ++taken;
    is_ended_ = taken < in.size();
    return is_ended_ && !is_number() ? malformed : taken;
}

bool json_scanner::is_number() const
{
    return part_ == part::zero || part_ == part::integer || part_ == part::fraction || part_ == part::exponent;
}

// False if the character is not part of the number.
bool json_scanner::continue_number(char c)
{
    auto is = [this](part p) {
        part_ = p;
        return true;
    };
    const bool is_e = c == 'e' || c == 'E';
    switch (part_)
    {
    case part::minus: return is_digit(c) && is(c == '0' ? part::zero : part::integer);
    case part::integer:
        if (is_digit(c)) return true;
        [[fallthrough]];
    case part::zero: return (c == '.' && is(part::point)) || (is_e && is(part::e));
    case part::fraction:
        if (is_e) return is(part::e);
        [[fallthrough]];
    case part::point: return is_digit(c) && is(part::fraction);
    case part::e:
        if (c == '+' || c == '-') return is(part::sign);
        [[fallthrough]];
    case part::sign:
    case part::exponent: return is_digit(c) && is(part::exponent);
    }
    return false;
}

std::size_t json_scanner::take_literal(std::string_view in)
{
    std::size_t bytes = std::min(in.size(), literal_left_.size());
    if (!literal_left_.starts_with(in.substr(0, bytes))) return malformed;
    literal_left_.remove_prefix(bytes);
    is_ended_ = literal_left_.empty();
    return bytes;
}

// One byte beyond the bound shows that the text is longer.
void json_scanner::carry(std::string_view bytes)
{
    carried_ += bytes.substr(0, json_text_bytes_max + 1 - carried_.size());
}

json_scanner::event json_scanner::end_token(std::string_view last)
{
    text_ = last;
    if (!carried_.empty())
    {
        carry(last);
        text_ = carried_;
    }
    if (text_.size() > json_text_bytes_max) text_ = {};
    depth_ = open_;
    place_ = token_ == token::name ? place::colon : place::behind_value;
    switch (std::exchange(token_, token::none))
    {
    case token::name: return event::name;
    case token::string: return event::string;
    default: return event::other;
    }
}

std::string json_unescaped(std::string_view quoted)
{
    constexpr std::string_view letters = "bfnrt", controls = "\b\f\n\r\t";
    std::string text;
    std::string_view left = quoted.substr(1, quoted.size() - 2);
    while (!left.empty())
    {
        std::size_t plain = std::min(left.find('\\'), left.size());
        text += left.substr(0, plain);
        left.remove_prefix(plain);
        if (left.empty()) break;
        if (left[1] != 'u')
        {
            std::size_t at = letters.find(left[1]);
            text += at == std::string_view::npos ? left[1] : controls[at];
            left.remove_prefix(2);
            continue;
        }
        unsigned unit = escaped_unit(left), next = 0;
        left.remove_prefix(6);
        if (unit >= 0xd800 && unit < 0xdc00) next = escaped_unit(left);
        bool is_pair = next >= 0xdc00 && next < 0xe000;
        append_utf8(text, is_pair ? 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00) : unit);
        if (is_pair) left.remove_prefix(6);
    }
    return text;
}

}  // namespace callcache
