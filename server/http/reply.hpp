// An answer to a tool, and how it is written.
#pragma once

#include "cache/time.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callcache
{

using field = std::pair<std::string, std::string>;

struct reply
{
    unsigned status = 200;
    std::vector<field> fields;  // without framing, Date and Connection, which are added when it is written
    std::string body;
    bool close = false;  // the connection ends after it

    const std::string* find(std::string_view lower_name) const;
};

// What of the request and the connection decides how an answer is written.
struct reply_mode
{
    bool head_only = false;  // the request was HEAD
    bool keep_alive = true;
    int minor = 1;  // the request's version is HTTP/1.minor
};

// Appends the whole message (RFC 9112) to `out`. A 204 or 304 is written without a body.
void write_reply(std::string& out, const reply&, const reply_mode&, wall_time now);

// "Tue, 24 Nov 2026 08:00:00 GMT" (RFC 9110, section 5.6.7).
std::string http_date(wall_time);

// An answer of callcache's own, in the vendor's error shape: {"requestId":"cc-…","errors":["callcache: …"]}. `text`
// says what happened and what to do. It has no Cache-Status yet.
reply own_answer(unsigned status, std::string_view text);

// The same with 401 and the challenge that it must have (RFC 9110, section 15.5.2). `realm`: whose credential is asked
// for.
reply unauthorized(std::string_view text, std::string_view realm = "Gong API");

}  // namespace callcache
