// The scanner of JSON. It tells the same whatever the pieces, and RapidJSON tells the same of what both accept. It
// refuses nothing that RapidJSON accepts, and RapidJSON refuses what it accepts only for what is_odd() says.

#include "cache/json_scanner.hpp"
#include "tests/fuzz/message.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace callcache::fuzz
{
namespace
{

using event = json_scanner::event;

struct event_told
{
    event what;
    std::string text;  // of a name or a string the characters, of a number its bytes
    bool operator==(const event_told&) const = default;
};
struct all_told
{
    std::vector<event_told> events;
    std::vector<std::uint64_t> places;
    bool is_whole = false;
    bool operator==(const all_told&) const = default;
};

all_told tell(std::string_view bytes, std::size_t step)
{
    all_told all;
    json_scanner at;
    for (std::size_t from = 0; from < bytes.size(); from += step)
    {
        exactly copy(bytes.substr(from, step));
        std::string_view piece = copy.view();
        for (event e = at.next(piece); e != event::more; e = at.next(piece))
        {
            if (e == event::malformed) return all;
            always(at.begin() < at.end() && at.end() <= bytes.size() &&
                       (all.places.empty() || at.begin() >= all.places.back()),
                   "an event lies within the text, behind the one before");
            always(at.depth() >= 0 && at.depth() <= json_depth_max, "depth is bounded");
            const std::string_view raw = bytes.substr(at.begin(), at.end() - at.begin());
            const bool is_text = e == event::name || e == event::string;
            if (is_text || e == event::other) always(raw == at.text(), "a text is what stands at its place");
            all.events.push_back({e, is_text ? json_unescaped(raw) : std::string(raw)});
            all.places.push_back(at.end());
        }
    }
    all.is_whole = at.is_whole();
    return all;
}

// What RapidJSON tells, in the same words.
struct second_opinion
{
    std::vector<event_told> events;
    int depth = 0;

    bool tell(event e, std::string text)
    {
        events.push_back({e, std::move(text)});
        return true;
    }
    bool Key(const char* text, rapidjson::SizeType size, bool) { return tell(event::name, {text, size}); }
    bool String(const char* text, rapidjson::SizeType size, bool) { return tell(event::string, {text, size}); }
    bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return tell(event::other, {text, size}); }
    bool Bool(bool value) { return tell(event::other, value ? "true" : "false"); }
    bool Null() { return tell(event::other, "null"); }
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }
    bool StartObject() { return tell(event::object_begins, "{") && ++depth <= json_depth_max; }
    bool EndObject(rapidjson::SizeType) { return tell(event::object_ends, "}") && --depth >= 0; }
    bool StartArray() { return tell(event::array_begins, "[") && ++depth <= json_depth_max; }
    bool EndArray(rapidjson::SizeType) { return tell(event::array_ends, "]") && --depth >= 0; }
};

}  // namespace

void scanner(std::string_view bytes)
{
    const all_told all = tell(bytes, std::max<std::size_t>(bytes.size(), 1));
    for (std::size_t step : {small_step(bytes), std::size_t(7), bytes.size() / 2 + 1})
        always(all == tell(bytes, step), "the pieces in which a text comes change nothing");

    constexpr unsigned flags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
    rapidjson::MemoryStream in(bytes.data(), bytes.size());
    rapidjson::Reader reader;
    second_opinion other;
    const rapidjson::ParseResult read = reader.Parse<flags>(in, other);
    const bool accepts = !read.IsError() && in.Tell() == bytes.size();
    always(!accepts || all.is_whole, "what RapidJSON accepts is JSON");
    always(!all.is_whole || accepts || is_odd(read.Code()), "what is JSON RapidJSON accepts, or it is odd");
    const bool is_number_alone = all.events.empty();
    if (accepts && !is_number_alone) always(all.events == other.events, "RapidJSON tells the same");
}

}  // namespace callcache::fuzz
