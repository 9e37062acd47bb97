#include "cache/call_answer.hpp"

#include "cache/call_id.hpp"
#include "cache/json_scanner.hpp"
#include "cache/rfc3339.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <map>
#include <utility>

namespace callcache
{
namespace
{

using event = json_scanner::event;

// Where the call objects of an answer stand.
enum class layout
{
    one,          // {"call": CALL}
    list,         // {"calls": [CALL, …]}
    extensive,    // {"calls": [{"metaData": CALL}, …]}
    transcripts,  // {"callTranscripts": [{"callId": …}, …]}: each element in a call's place
};

// The members that are read.
enum class member : unsigned
{
    request_id,
    records,
    cursor,
    total_records,
    call,
    calls,
    meta_data,
    id,
    call_transcripts,
    call_id,
    sentences,
    is_private,
    started,
    errors,
    another,
};
constexpr std::string_view names[] = {"requestId", "records",   "cursor",  "totalRecords",    "call",
                                      "calls",     "metaData",  "id",      "callTranscripts", "callId",
                                      "sentences", "isPrivate", "started", "errors"};

member member_of(std::string_view quoted)
{
    auto find = [](std::string_view n) { return member(std::find(names, std::end(names), n) - names); };
    if (quoted.empty()) return member::another;
    return quoted.find('\\') == std::string_view::npos ? find(quoted.substr(1, quoted.size() - 2))
                                                       : find(json_unescaped(quoted));
}

template<class... Members>
constexpr unsigned set_of(Members... m)
{
    return (... | (1u << unsigned(m)));
}

// True if `m` was seen before, and is one of those that may stand in an object once.
bool repeats(unsigned& seen, member m, unsigned once)
{
    return (std::exchange(seen, seen | set_of(m)) & once & set_of(m)) != 0;
}

struct extent
{
    std::uint64_t begin = 0, end = 0;  // within the answer

    std::string_view of(std::string_view body) const { return body.substr(begin, end - begin); }
};

// What holds a call object, or is one.
struct element
{
    call_answer found;
    extent call, whole;
    unsigned seen = 0, seen_in_call = 0;
    bool in_doubt = false;
};

// Follows the scanner through the answer. take() and its parts return false to stop: nothing of the answer is then
// understood.
struct call_finder
{
    const layout where;

    extent request_id;
    std::string cursor;
    std::uint64_t total = 0;
    std::vector<element> elements;  // that hold a call with an id
    std::size_t unnamed = 0;        // elements of the list that do not

    bool has_calls = false;  // the list of them, maybe empty
    bool in_records = false, in_calls = false, in_element = false, in_call = false, in_sentences = false;
    unsigned seen = 0, seen_in_records = 0;
    element now;
    member last = member::another;  // whose name came last; at these places the value is its own

    member list_name() const { return where == layout::transcripts ? member::call_transcripts : member::calls; }
    member id_name() const { return where == layout::transcripts ? member::call_id : member::id; }
    int element_depth() const { return where == layout::one ? 2 : 3; }
    bool at_records(int depth) const { return in_records && depth == 2; }
    bool at_element(int depth) const { return in_element && depth == element_depth(); }
    bool at_call(int depth) const { return in_call && depth == (where == layout::extensive ? 4 : element_depth()); }

    // {"callTranscripts": [{"transcript": [{"sentences": …}]}]}
    bool at_sentences(int depth) const { return where == layout::transcripts && in_element && depth == 5; }

    bool take(event e, const json_scanner& at)
    {
        const int depth = at.depth();
        switch (e)
        {
        case event::name: last = member_of(at.text()); return is_first(depth);
        case event::object_begins: begin_object(depth, at.begin()); return true;
        case event::object_ends: return end_object(depth + 1, at.end());
        case event::array_begins:
            if (in_calls && depth == 2) ++unnamed;
            if (depth == 1 && last == list_name() && where != layout::one) in_calls = has_calls = true;
            if (at_sentences(depth)) in_sentences = last == member::sentences;
            return depth > 0;
        case event::array_ends:
            in_calls = in_calls && depth > 1;
            in_sentences = in_sentences && !at_sentences(depth);
            return true;
        default: return take_scalar(e == event::string, at);
        }
    }

    bool is_first(int depth)
    {
        if (depth == 1)
            return !repeats(seen, last, set_of(member::request_id, member::records, member::call, list_name()));
        if (at_records(depth)) return !repeats(seen_in_records, last, set_of(member::cursor, member::total_records));
        if (at_call(depth))
            now.in_doubt |= repeats(now.seen_in_call, last, set_of(id_name(), member::is_private, member::started));
        else if (at_element(depth))
            now.in_doubt |= repeats(now.seen, last, set_of(member::meta_data));
        return true;
    }

    void begin_object(int depth, std::uint64_t begin)
    {
        if (depth == 1 && last == member::records) in_records = true;
        const bool element_begins = where == layout::one ? depth == 1 && last == member::call : in_calls && depth == 2;
        if (element_begins)
        {
            in_element = true;
            now = {};
            now.whole.begin = begin;
        }
        if (in_sentences && depth == 6) now.found.has_sentences = true;
        if (where == layout::extensive ? at_element(depth) && last == member::meta_data : element_begins)
        {
            in_call = true;
            now.call.begin = begin;
        }
    }

    bool end_object(int depth, std::uint64_t end)
    {
        if (at_records(depth)) in_records = false;
        if (at_call(depth))
        {
            now.call.end = end;
            in_call = false;
        }
        if (at_element(depth))
        {
            in_element = false;
            now.whole.end = end;
            if (is_call_id(now.found.id))
                elements.push_back(std::move(now));
            else
                ++unnamed;
        }
        return elements.size() <= bulk_calls_max;
    }

    // Anything but an object at the root is not an answer.
    bool take_scalar(bool is_string, const json_scanner& at)
    {
        const int depth = at.depth();
        const std::string_view text = at.text();
        const bool is_text = is_string && !text.empty();
        if (in_calls && depth == 2) ++unnamed;
        if (depth == 1 && is_string && last == member::request_id) request_id = {at.begin(), at.end()};
        if (at_records(depth) && is_text && last == member::cursor) cursor = json_unescaped(text);
        if (at_records(depth) && is_string && last == member::cursor && !is_text) return false;  // too long
        if (at_records(depth) && !is_string && last == member::total_records)
            std::from_chars(text.data(), text.data() + text.size(), total);
        if (!at_call(depth)) return depth > 0;
        if (last == id_name() && is_text && now.found.id.empty()) now.found.id = json_unescaped(text);
        if (last == member::started && is_text) now.found.started = parse_rfc3339(json_unescaped(text));
        if (last == member::is_private) now.found.is_private = text == "true";
        return true;
    }
};

std::optional<call_finder> find_calls(std::string_view body, layout where)
{
    call_finder finder{where};
    if (!follow_json(body, [&](event e, const json_scanner& at) { return finder.take(e, at); })) return std::nullopt;
    for (element& e : finder.elements)
    {
        e.found.call = e.call.of(body);
        e.found.element = e.whole.of(body);
    }
    return finder;
}

layout layout_of(bulk_kind kind)
{
    if (kind == bulk_kind::transcripts) return layout::transcripts;
    return kind == bulk_kind::list ? layout::list : layout::extensive;
}

// A number as it is written if it is whole or beyond a double, else as all that are equal to it.
std::string canonical_number(std::string_view number)
{
    double value = 0;
    auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec != std::errc{} || number.find_first_of(".eE") == std::string_view::npos) return std::string(number);
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
}

// The same for all JSON texts that say the same: without white space, with the members of an object in order. Empty if
// it is not JSON.
std::string canonical(std::string_view json)
{
    struct container
    {
        std::string name;  // that it has as a member
        std::vector<std::string> values;
    };
    std::vector<container> open(1);
    std::string name;
    auto string_of = [](std::string_view quoted) {
        std::string text = json_unescaped(quoted);
        return std::to_string(text.size()) + '"' + text;
    };
    bool is_json = follow_json(json, [&](event e, const json_scanner& at) {
        const std::string_view text = json.substr(at.begin(), at.end() - at.begin());
        if (e == event::name)
            name = string_of(text);
        else if (e == event::object_begins || e == event::array_begins)
            open.push_back({std::exchange(name, {}), {}});
        else if (e == event::string || e == event::other)
            open.back().values.push_back(std::exchange(name, {}) + ':' +
                                         (e == event::string ? string_of(text) : canonical_number(text)));
        else
        {
            container all = std::move(open.back());
            open.pop_back();
            if (e == event::object_ends) std::sort(all.values.begin(), all.values.end());
            std::string joined = all.name + (e == event::object_ends ? ":{" : ":[");
            for (const std::string& value : all.values) joined += value + ',';
            open.back().values.push_back(joined.append(text));
        }
        return true;
    });
    return is_json && !open[0].values.empty() ? open[0].values[0] : "";
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
    auto finder = find_calls(body, layout::one);
    if (!finder || finder->elements.empty() || finder->elements[0].in_doubt) return std::nullopt;
    return std::move(finder->elements[0].found);
}

std::optional<bulk_answer> read_bulk_answer(std::string_view body, bulk_kind kind, std::size_t bytes_max)
{
    if (body.size() > bytes_max) return std::nullopt;
    auto finder = find_calls(body, layout_of(kind));
    if (!finder) return std::nullopt;
    const std::string_view request_id = finder->request_id.of(body);
    if (request_id.empty() || request_id.size() > request_id_bytes_max) return std::nullopt;

    bulk_answer answer{request_id, std::move(finder->cursor), finder->total, finder->has_calls, {}};
    answer.unnamed = finder->unnamed;
    std::map<std::string, int> times;
    for (const element& e : finder->elements) ++times[e.found.id];
    for (element& e : finder->elements)
    {
        bool is_small = kind == bulk_kind::transcripts
                            ? e.found.element.size() <= element_bytes_max
                            : body_size(answer.request_id, e.found.call) <= call_answer_bytes_max;
        if (times[e.found.id] > 1)
            answer.has_repeated_id = true;
        else if (e.in_doubt || !is_small)
        {
            answer.unnamed += e.in_doubt;  // it may be another call's
            answer.not_understood.push_back(std::move(e.found.id));
        }
        else
            answer.calls.push_back(std::move(e.found));
    }
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
    std::string one = canonical(a);
    return !one.empty() && one == canonical(b);
}

bool is_json_text(std::string_view text)
{
    return follow_json(text, [](event, const json_scanner&) { return true; });
}

bool is_vendor_error(std::string_view body)
{
    if (body.size() > call_answer_bytes_max) return false;
    unsigned seen = 0;
    member last = member::another;  // of the root object
    bool has_request_id = false, has_errors = false;
    bool is_json = follow_json(body, [&](event e, const json_scanner& at) {
        if (at.depth() != 1) return true;
        if (e == event::name)
        {
            last = member_of(at.text());
            return !repeats(seen, last, set_of(member::request_id, member::errors));
        }
        has_request_id |= e == event::string && last == member::request_id;
        has_errors |= e == event::array_begins && last == member::errors;
        return true;
    });
    return is_json && has_request_id && has_errors;
}

}  // namespace callcache
