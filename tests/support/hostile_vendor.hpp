// Tables of malformed, odd and hostile answers of the vendor: what the tool gets, what becomes of the connection, and
// what is kept.
#pragma once

#include "tests/support/harness.hpp"

namespace callcache::test
{

// The call that the answers are to, and a good answer's body.
inline const std::string asked_id = sim::call_catalogue().id(1);
inline const std::string good_call = "{\"requestId\":\"r\",\"call\":{\"id\":\"" + asked_id + "\"}}";

enum class line
{
    ends,     // the next request goes on another connection
    goes_on,  // the next request goes on the same one
};

struct hostile_answer
{
    std::string name;
    sim::scripted script;
    unsigned status;                // what the tool gets
    line after = line::ends;        // the upstream connection
    bool kept = false;              // a found call, or a 404 in the vendor's shape
    bool handed_on = false;         // the tool gets the vendor's own word
    std::chrono::seconds pause{0};  // until a good request can be answered
};

// Nonsense: callcache's own 502 (or 504), nothing kept, the connection closed.
hostile_answer refused(std::string name, sim::scripted, unsigned status = 502);

// The same, and the connection goes on: where the answer ends is not in doubt.
hostile_answer nonsense(std::string name, sim::scripted);

// Odd but legal: the call, and it is kept.
hostile_answer served(std::string name, sim::scripted, line = line::goes_on);

// The vendor's own word, not kept.
hostile_answer handed_on(std::string name, sim::scripted, unsigned status, line = line::goes_on);

// A status and lines, without the last line's end; a length and a body.
std::string message(const std::string& head, const std::string& body = good_call);

// A good head with further lines, each with its end, and whatever comes behind it.
std::string ok(const std::string& lines, const std::string& rest);

// A body in one chunk, and the last one.
std::string chunked(const std::string& body = good_call);

// Each row on a fresh connection in one piece, and on a used one in two. Behind each lookup that is answered so stands
// a good one on the same connection of the tool: it gets a good answer. Then the first one gets one too.
void check_all(harness&, const std::vector<hostile_answer>&);

}  // namespace callcache::test
