#include "cache/call_answer.hpp"

#include "cache/rfc3339.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <utility>

namespace callcache
{
namespace
{

// Follows the parser through the answer. Every handler returns false to stop: the answer is then not understood.
struct call_finder
{
    using Ch = char;

    const rapidjson::MemoryStream& in;
    std::string_view body;
    call_answer found;
    std::size_t call_begin = 0;
    int depth = 0;
    bool in_call = false;
    bool call_seen = false, id_seen = false, private_seen = false, started_seen = false, call_ended = false;
    std::string key;  // the last one, at depth 1, or at depth 2 inside `call`

    bool at_root() const { return depth == 1; }
    bool at_call() const { return in_call && depth == 2; }

    bool Key(const char* text, rapidjson::SizeType size, bool)
    {
        key.assign(text, size);
        auto once = [](bool& seen) { return !std::exchange(seen, true); };
        if (at_root() && key == "call") return once(call_seen);
        if (at_call() && key == "id") return once(id_seen);
        if (at_call() && key == "isPrivate") return once(private_seen);
        if (at_call() && key == "started") return once(started_seen);
        return true;
    }

    bool StartObject()
    {
        if (at_root() && key == "call")
        {
            in_call = true;
            call_begin = in.Tell();
        }
        return ++depth <= json_depth_max;
    }

    bool EndObject(rapidjson::SizeType)
    {
        if (at_call())
        {
            found.call = body.substr(call_begin, in.Tell() + 1 - call_begin);
            in_call = false;
            call_ended = true;
        }
        --depth;
        return true;
    }

    bool StartArray()
    {
        if (depth == 0 || (at_root() && key == "call")) return false;
        return ++depth <= json_depth_max;
    }
    bool EndArray(rapidjson::SizeType)
    {
        --depth;
        return true;
    }

    bool String(const char* text, rapidjson::SizeType size, bool)
    {
        if (at_call() && key == "id") found.id.assign(text, size);
        if (at_call() && key == "started") found.started = parse_rfc3339({text, size});
        return scalar();
    }
    bool Bool(bool value)
    {
        if (at_call() && key == "isPrivate") found.is_private = value;
        return scalar();
    }
    bool Null() { return scalar(); }
    bool RawNumber(const char*, rapidjson::SizeType, bool) { return scalar(); }
    bool Int(int) { return scalar(); }
    bool Uint(unsigned) { return scalar(); }
    bool Int64(std::int64_t) { return scalar(); }
    bool Uint64(std::uint64_t) { return scalar(); }
    bool Double(double) { return scalar(); }

    // Anything but an object at the root is not an answer.
    bool scalar() const { return depth > 0; }
};

// Follows the parser through anything, to see that it is one object.
struct object_checker : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, object_checker>
{
    int depth = 0;

    bool Default() { return depth > 0; }  // a scalar
    bool StartObject() { return ++depth <= json_depth_max; }
    bool StartArray() { return depth > 0 && ++depth <= json_depth_max; }
    bool EndObject(rapidjson::SizeType) { return --depth >= 0; }
    bool EndArray(rapidjson::SizeType) { return --depth >= 0; }
};

// RapidJSON's iterative parser: the recursive one overflows the stack on a megabyte of "[".
template<class Handler>
bool parse(rapidjson::MemoryStream& in, std::size_t size, Handler& handler)
{
    constexpr unsigned flags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
    rapidjson::Reader reader;
    return !reader.Parse<flags>(in, handler).IsError() && in.Tell() == size;
}

}  // namespace

std::optional<call_answer> read_call_answer(std::string_view body)
{
    if (body.size() > call_answer_bytes_max) return std::nullopt;
    rapidjson::MemoryStream in(body.data(), body.size());
    call_finder finder{in, body, {}};
    if (!parse(in, body.size(), finder) || !finder.call_ended || finder.found.id.empty()) return std::nullopt;
    return std::move(finder.found);
}

bool is_json_object(std::string_view body)
{
    rapidjson::MemoryStream in(body.data(), body.size());
    object_checker checker;
    return body.size() <= call_answer_bytes_max && parse(in, body.size(), checker);
}

}  // namespace callcache
