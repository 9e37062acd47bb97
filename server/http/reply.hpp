// An answer to a tool, and how it is written.
#pragma once

#include "cache/time.hpp"
#include "server/http/cache_status.hpp"
#include "server/text/text_writer.hpp"

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

// Appends a message (RFC 9112) to `out`, piece by piece: the fields without framing and Connection, then the end, once.
// What was written is there when the writer is gone.
class reply_writer
{
public:
    reply_writer(std::string& out, unsigned status);

    void field(std::string_view name, std::string_view value);
    void field(std::string_view name, std::int64_t value);
    void field(std::string_view name, wall_time value);  // as http_date()
    void field(std::string_view name, const cache_status& value);

    // A 204 or 304 is written without a body. `close`: the connection ends after it, whatever the mode says.
    void end(std::string_view body, const reply_mode&, bool close = false);

private:
    text_writer out_;
    const unsigned status_;
};

// Appends the whole message to `out`.
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
