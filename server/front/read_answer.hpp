// The answer to a read of several calls, put together from what each of them got.
#pragma once

#include "cache/call_view.hpp"
#include "server/fetch/lookup.hpp"
#include "server/http/cache_status.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// One of the calls.
struct read_part
{
    std::string name;      // it is kept as
    entry_ptr kept;        // what answers, or was seen; a negative one: it is absent
    duration fresh_for{};  // from its sent_at
    decision decided{};
    bool is_served = false;  // from what was found, or
    bool is_asked = false;   // of the fetcher
    looked_up found;         // then
};

struct read_outcome
{
    outcome word = outcome::hit;
    cache_status status;
};

// How it was answered, in the words of Cache-Status. REQUIRES: each part has an answer.
read_outcome outcome_of(const std::vector<read_part>&, wall_time now);

// The pieces of the body, in the order of the request; they live as long as the parts and `brackets`. Empty if all of
// the calls are absent.
std::vector<std::string_view> pieces_of(call_view, const std::vector<read_part>&, std::string& brackets);

// The vendor's text for reads that find none, with this requestId.
std::string none_found(std::string_view request_id);

// The requestId of the answer that brought the last part, as it stands there; of callcache's own if none did.
std::string request_id_of(const std::vector<read_part>&);

}  // namespace callcache
