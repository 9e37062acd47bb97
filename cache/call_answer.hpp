// Reads the vendor's answer to a lookup, `{"requestId": …, "call": {…}}`, without changing a byte of it.
//
// The vendor may add fields without warning, so an answer is never re-modelled: the raw bytes are kept, and this file
// only finds where the call object stands in them and the few facts that the policy needs.
#pragma once

#include "cache/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace callcache
{

inline constexpr std::size_t call_answer_bytes_max = 1 << 20;
inline constexpr int json_depth_max = 64;

struct call_answer
{
    std::string_view call;  // the bytes of the call object, within the body
    std::string id;
    std::optional<wall_time> started;  // absent, null or not a time: nothing
    bool is_private = false;
};

// Nothing if `body` is not one whole JSON object with one `call` object that has one `id` string: what is not
// understood without doubt is not kept. Depth and size are bounded; the parser does not recurse.
std::optional<call_answer> read_call_answer(std::string_view body);

// True if `body` is one whole JSON object, as the vendor's errors are.
bool is_json_object(std::string_view body);

}  // namespace callcache
