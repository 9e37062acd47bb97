// Reads the vendor's answers that hold calls, without changing a byte of them.
//
// The vendor may add fields without warning, so an answer is never re-modelled: the raw bytes are kept, and this file
// only finds where the call objects stand in them and the few facts that the policy needs. What is not understood
// without doubt is not kept. Depth and size are bounded.
#pragma once

#include "cache/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

inline constexpr std::size_t call_answer_bytes_max = 1 << 20;
inline constexpr std::size_t bulk_answer_bytes_max = 8 << 20;  // of a list or bulk answer
inline constexpr std::size_t bulk_calls_max = 1000;            // in one of these; the vendor sends a hundred
inline constexpr std::size_t element_bytes_max = 8 << 20;      // of a transcript, or of a call's details
inline constexpr std::size_t request_id_bytes_max = 256;       // it goes into the body of each call of a bulk answer

struct call_answer
{
    std::string_view call;  // the bytes of the call object, within the body
    std::string id;
    std::optional<wall_time> started;  // absent, null or not a time: nothing
    bool is_private = false;

    // Of an extensive record or a transcript.
    std::string_view element;    // all of it
    bool has_sentences = false;  // of a transcript: one that has none may still be being made
};

// Of a lookup: `{"requestId": …, "call": {…}}`. Nothing if `body` is not one whole JSON object with one `call` object
// that has one call's id.
std::optional<call_answer> read_call_answer(std::string_view body);

enum class bulk_kind
{
    list,         // GET /v2/calls: each element of `calls` is a call object
    extensive,    // POST /v2/calls/extensive: `metaData` of each element is
    transcripts,  // POST /v2/calls/transcript: each element of `callTranscripts` has a `callId`, and no call object
};

struct bulk_answer
{
    std::string_view request_id;  // a JSON string with its quotes, as it stands in the body
    std::string cursor;           // of the next page; empty: there is none
    std::uint64_t total = 0;      // of the calls of all pages, by the vendor's word; 0: it does not say
    bool has_calls = false;       // a list of them stands there, maybe an empty one
    std::vector<call_answer> calls;

    // What is left out of `calls`.
    bool has_repeated_id = false;
    std::size_t unnamed = 0;                  // elements that do not say of which call they are
    std::vector<std::string> not_understood;  // ids of elements that say something twice, or are too large
};

// Nothing if `body` is not one whole JSON object with one `requestId` string, says anything
// twice that is read here, or is larger than `bytes_max`. A call that has no call's id, says something twice, is too
// large to be kept, or shares its id with another (which is true?) is left out.
std::optional<bulk_answer> read_bulk_answer(std::string_view body, bulk_kind,
                                            std::size_t bytes_max = bulk_answer_bytes_max);

// The answer to a lookup of a call that a bulk answer held: `{"requestId":…,"call":…}`, both as they stand there.
std::string body_of_one(std::string_view request_id, std::string_view call);

// True if the two JSON texts say the same, in whichever order.
bool is_same_json(std::string_view, std::string_view);

// True of one whole JSON text (RFC 8259), at most json_depth_max deep.
bool is_json_text(std::string_view);

// True if `body` is an error in the vendor's shape: one whole JSON object with one `requestId`, a string, and one
// `errors`, a list. A gateway or a firewall on the way answers in shapes of its own.
bool is_vendor_error(std::string_view body);

}  // namespace callcache
