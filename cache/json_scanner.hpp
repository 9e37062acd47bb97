// Reads JSON text (RFC 8259) as it arrives: checks the grammar, and says where names and values begin and end.
//
// It makes no values. So it lets through what the grammar allows and readers that make values refuse: half a surrogate
// pair in an escape (section 8.2), and a number that no double reaches (section 6). Strings must be UTF-8 (section
// 8.1). Depth is bounded, and nothing recurses. The pieces in which a text arrives change nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace callcache
{

inline constexpr int json_depth_max = 64;
inline constexpr std::size_t json_text_bytes_max = 64 << 10;  // of a name or a scalar whose text is told

class json_scanner
{
public:
    enum class event
    {
        more,       // the piece is used up, and the next event is not complete
        malformed,  // it is no JSON text, or too deep, whatever follows
        object_begins,
        object_ends,
        array_begins,
        array_ends,
        name,    // of a member
        string,  // that is a value
        other,   // a number, true, false or null
    };

    // Takes the next event's bytes from the front of `piece`. After `more`, the next piece is to be given. A number
    // that is the whole text is no event, as it ends with the text.
    event next(std::string_view& piece);

    // True if what was taken is one whole JSON text.
    bool is_whole() const;

    // Of the last event: how many objects and arrays are around it; where it begins and ends, counted from the first
    // byte of the text. The events of an object or array are of its brackets.
    int depth() const { return depth_; }
    std::uint64_t begin() const { return begin_; }
    std::uint64_t end() const { return at_; }

    // Of a name or a scalar: its bytes, a string's with its quotes; empty if they are more than json_text_bytes_max.
    // Valid until the next call, and only as long as the piece.
    std::string_view text() const { return text_; }

private:
    enum class place : std::uint8_t  // between two tokens: what may come next
    {
        value,
        first_element,  // a value, or the end of the array
        name,
        first_name,  // a name, or the end of the object
        colon,
        behind_value,  // a comma or an end; at the root nothing
        nowhere,       // malformed
    };
    enum class token : std::uint8_t  // that has begun and not ended
    {
        none,
        name,
        string,
        number,
        literal,
    };
    enum class part : std::uint8_t  // of a number: what its last byte is
    {
        minus,
        zero,  // the first digit
        integer,
        point,
        fraction,
        e,
        sign,
        exponent,
    };

    event between_tokens(char);
    event open(bool is_array);
    event close(bool is_array);
    bool begin_scalar(char);
    event fail();

    // Each takes bytes of the token from the front of `in`, and returns how many; npos if it is malformed.
    std::size_t take_token(std::string_view in);
    std::size_t take_string(std::string_view in);
    std::size_t take_number(std::string_view in);
    std::size_t take_literal(std::string_view in);
    bool continue_number(char);
    bool is_number() const;  // what was taken of it is one
    bool begin_character(unsigned char);
    void carry(std::string_view);
    event end_token(std::string_view last);

    place place_ = place::value;
    token token_ = token::none;
    bool is_ended_ = false;     // the token
    std::uint64_t arrays_ = 0;  // a bit for each level, the innermost is the lowest: set if it is an array
    int open_ = 0, depth_ = 0;
    std::uint64_t at_ = 0, begin_ = 0;
    std::string carried_;  // of a token, from the pieces before this one
    std::string_view text_;

    bool is_escape_ = false;                              // in a string: behind a backslash
    std::uint8_t hex_left_ = 0;                           // of \uXXXX
    std::uint8_t bytes_left_ = 0, least_ = 0, most_ = 0;  // of a character; the bounds of its next byte
    part part_{};
    std::string_view literal_left_;
};

// True if `text` is one whole JSON text, and `take(event, scanner)` has returned true for each of its events.
template<class Take>
bool follow_json(std::string_view text, Take take)
{
    json_scanner at;
    for (;;)
    {
        json_scanner::event e = at.next(text);
        if (e == json_scanner::event::more) return at.is_whole();
        if (e == json_scanner::event::malformed || !take(e, at)) return false;
    }
}

// The characters of a JSON string that is given with its quotes. Half a surrogate pair becomes three bytes that are not
// UTF-8.
std::string json_unescaped(std::string_view quoted);

}  // namespace callcache
