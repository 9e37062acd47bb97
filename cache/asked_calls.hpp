// Reads the bodies of POST /v2/calls/transcript and /v2/calls/extensive: is it a read of calls by their ids, which can
// be answered call by call?
//
// It is strict about what qualifies, as everything else passes to the vendor as it came.
#pragma once

#include "cache/call_view.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

inline constexpr std::size_t asked_calls_bytes_max = 64 << 10;
inline constexpr std::size_t asked_calls_max = 100;

struct asked_calls
{
    call_view what = call_view::transcript;
    std::vector<std::string> ids;  // each once, in the order of the request

    // The body's other members in canonical form, each with a comma before it; sent along with each request for these
    // calls. Members are in the order of their names; of a contentSelector, what is null or false and objects that are
    // empty are left out, as they ask for nothing.
    std::string rest;

    // Names the kind of answer: the view, with a digest of `rest` unless that is empty.
    std::string variant;

    // CRM fields or comments, which change at any time, are asked for.
    bool is_volatile = false;
};

// nullopt if the body is not one JSON object that asks for 1 to 100 calls by their ids and for nothing else, or asks
// for media, whose URLs the vendor signs anew in each answer.
std::optional<asked_calls> read_asked_calls(call_view, std::string_view body);

// The body of a request for these calls: `{"filter":{"callIds":[…]}…}`. Ids are digits.
std::string body_of_read(const std::vector<std::string>& ids, std::string_view rest);

}  // namespace callcache
