#include "cache/call_answer.hpp"

#include "cache/call_id.hpp"
#include "cache/rfc3339.hpp"

#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <span>
#include <utility>

namespace callcache
{
namespace
{

// Where the call objects of an answer stand.
enum class layout
{
    one,        // {"call": CALL}
    list,       // {"calls": [CALL, …]}
    extensive,  // {"calls": [{"metaData": CALL}, …]}
};

// What may be said only once, in each of the objects that are read.
constexpr std::string_view of_root[] = {"requestId", "records", "call", "calls"};
constexpr std::string_view of_records[] = {"cursor", "totalRecords"};
constexpr std::string_view of_element[] = {"metaData"};
constexpr std::string_view of_call[] = {"id", "isPrivate", "started"};
constexpr std::string_view of_error[] = {"requestId", "errors"};

// True if the key is one of the names and was seen before.
bool repeats(unsigned& seen, std::span<const std::string_view> names, std::string_view key)
{
    auto at = std::find(names.begin(), names.end(), key);
    if (at == names.end()) return false;
    unsigned bit = 1u << (at - names.begin());
    return (std::exchange(seen, seen | bit) & bit) != 0;
}

// What holds a call object, or is one.
struct element
{
    call_answer found;
    std::size_t call_begin = 0;
    unsigned seen = 0, seen_in_call = 0;
    bool in_doubt = false;
};

// Follows the parser through the answer. A handler returns false to stop: nothing of the answer is then understood.
struct call_finder
{
    using Ch = char;

    const rapidjson::MemoryStream& in;
    const std::string_view body;
    const layout where;

    std::string_view request_id;
    std::string cursor;
    std::uint64_t total = 0;
    std::vector<element> elements;  // that hold a call with an id

    int depth = 0;
    bool has_calls = false;  // the list of them, maybe empty
    bool in_records = false, in_calls = false, in_element = false, in_call = false;
    unsigned seen = 0, seen_in_records = 0;
    element now;
    std::string key;  // the last one; at these places it is the object's own
    std::size_t key_end = 0;

    int element_depth() const { return where == layout::one ? 2 : 3; }
    bool at_root() const { return depth == 1; }
    bool at_records() const { return in_records && depth == 2; }
    bool at_element() const { return in_element && depth == element_depth(); }
    bool at_call() const { return in_call && depth == (where == layout::extensive ? 4 : element_depth()); }

    bool Key(const char* text, rapidjson::SizeType size, bool)
    {
        key.assign(text, size);
        key_end = in.Tell();
        if (at_root()) return !repeats(seen, of_root, key);
        if (at_records()) return !repeats(seen_in_records, of_records, key);
        if (at_call() && repeats(now.seen_in_call, of_call, key)) now.in_doubt = true;
        if (at_element() && !at_call() && repeats(now.seen, of_element, key)) now.in_doubt = true;
        return true;
    }

    bool begins_element() const { return where == layout::one ? at_root() && key == "call" : in_calls && depth == 2; }

    bool StartObject()
    {
        if (at_root() && key == "records") in_records = true;
        bool element_begins = begins_element();
        if (element_begins)
        {
            in_element = true;
            now = {};
        }
        if (where == layout::extensive ? at_element() && key == "metaData" : element_begins)
        {
            in_call = true;
            now.call_begin = in.Tell();
        }
        return ++depth <= json_depth_max;
    }

    bool EndObject(rapidjson::SizeType)
    {
        if (at_records()) in_records = false;
        if (at_call())
        {
            now.found.call = body.substr(now.call_begin, in.Tell() + 1 - now.call_begin);
            in_call = false;
        }
        if (at_element())
        {
            in_element = false;
            if (is_call_id(now.found.id)) elements.push_back(std::move(now));
        }
        --depth;
        return elements.size() <= bulk_calls_max;
    }

    bool StartArray()
    {
        if (depth == 0) return false;
        if (at_root() && key == "calls" && where != layout::one) in_calls = has_calls = true;
        return ++depth <= json_depth_max;
    }
    bool EndArray(rapidjson::SizeType)
    {
        if (--depth == 1) in_calls = false;
        return true;
    }

    bool String(const char* text, rapidjson::SizeType size, bool)
    {
        // Between a key and its value stand a colon and white space alone.
        if (at_root() && key == "requestId")
        {
            std::size_t begin = body.find('"', key_end);
            request_id = body.substr(begin, in.Tell() - begin);
        }
        if (at_records() && key == "cursor") cursor.assign(text, size);
        if (at_call() && key == "id" && now.found.id.empty()) now.found.id.assign(text, size);
        if (at_call() && key == "started") now.found.started = parse_rfc3339({text, size});
        return scalar();
    }
    bool Bool(bool value)
    {
        if (at_call() && key == "isPrivate") now.found.is_private = value;
        return scalar();
    }
    bool Null() { return scalar(); }
    bool RawNumber(const char* text, rapidjson::SizeType size, bool)
    {
        if (at_records() && key == "totalRecords") std::from_chars(text, text + size, total);
        return scalar();
    }
    bool Int(int) { return scalar(); }
    bool Uint(unsigned) { return scalar(); }
    bool Int64(std::int64_t) { return scalar(); }
    bool Uint64(std::uint64_t) { return scalar(); }
    bool Double(double) { return scalar(); }

    // Anything but an object at the root is not an answer.
    bool scalar() const { return depth > 0; }
};

// Follows the parser through an error. A handler returns false to stop: it is not in the vendor's shape.
struct error_checker : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, error_checker>
{
    int depth = 0;
    unsigned seen = 0;
    std::string key;  // of the root object's last member
    bool has_request_id = false, has_errors = false;

    bool Key(const char* text, rapidjson::SizeType size, bool)
    {
        if (depth != 1) return true;
        key.assign(text, size);
        return !repeats(seen, of_error, key);
    }
    bool String(const char*, rapidjson::SizeType, bool)
    {
        if (depth == 1 && key == "requestId") has_request_id = true;
        return depth > 0;
    }
    bool RawNumber(const char*, rapidjson::SizeType, bool) { return Default(); }
    bool Default() { return depth > 0; }  // any other scalar
    bool StartObject() { return ++depth <= json_depth_max; }
    bool StartArray()
    {
        if (depth == 1 && key == "errors") has_errors = true;
        return depth > 0 && ++depth <= json_depth_max;
    }
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

constexpr std::string_view before_request_id = "{\"requestId\":", before_call = ",\"call\":", after_call = "}";

std::size_t body_size(std::string_view request_id, std::string_view call)
{
    return before_request_id.size() + request_id.size() + before_call.size() + call.size() + after_call.size();
}

}  // namespace

std::optional<call_answer> read_call_answer(std::string_view body)
{
    if (body.size() > call_answer_bytes_max) return std::nullopt;
    rapidjson::MemoryStream in(body.data(), body.size());
    call_finder finder{in, body, layout::one};
    if (!parse(in, body.size(), finder) || finder.elements.empty() || finder.elements[0].in_doubt) return std::nullopt;
    return std::move(finder.elements[0].found);
}

std::optional<bulk_answer> read_bulk_answer(std::string_view body, bulk_kind kind)
{
    if (body.size() > bulk_answer_bytes_max) return std::nullopt;
    rapidjson::MemoryStream in(body.data(), body.size());
    call_finder finder{in, body, kind == bulk_kind::list ? layout::list : layout::extensive};
    if (!parse(in, body.size(), finder)) return std::nullopt;
    if (finder.request_id.empty() || finder.request_id.size() > request_id_bytes_max) return std::nullopt;

    bulk_answer answer{finder.request_id, std::move(finder.cursor), finder.total, finder.has_calls, {}};
    std::map<std::string, int> times;
    for (const element& e : finder.elements) ++times[e.found.id];
    for (element& e : finder.elements)
        if (!e.in_doubt && times[e.found.id] == 1 &&
            body_size(answer.request_id, e.found.call) <= call_answer_bytes_max)
            answer.calls.push_back(std::move(e.found));
    return answer;
}

std::string body_of_one(std::string_view request_id, std::string_view call)
{
    std::string body;
    body.reserve(body_size(request_id, call));
    return body.append(before_request_id).append(request_id).append(before_call).append(call).append(after_call);
}

bool is_same_json(std::string_view a, std::string_view b)
{
    rapidjson::Document one, other;
    one.Parse<rapidjson::kParseIterativeFlag>(a.data(), a.size());
    other.Parse<rapidjson::kParseIterativeFlag>(b.data(), b.size());
    return !one.HasParseError() && !other.HasParseError() && one == other;
}

bool is_vendor_error(std::string_view body)
{
    if (body.size() > call_answer_bytes_max) return false;
    rapidjson::MemoryStream in(body.data(), body.size());
    error_checker error;
    return parse(in, body.size(), error) && error.has_request_id && error.has_errors;
}

}  // namespace callcache
