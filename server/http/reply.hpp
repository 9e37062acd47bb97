// An answer to a tool, and how it is written.
#pragma once

#include "cache/time.hpp"
#include "server/http/cache_status.hpp"
#include "server/text/text_writer.hpp"

#include <memory>
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

    // Why the budget says no, in few words, which live as long as the process; empty for every other answer.
    std::string_view refused_for;

    const std::string* find(std::string_view lower_name) const;
};

// Bytes, and what keeps them alive. Null: they are copied when they are written.
struct shared_bytes
{
    std::string_view bytes;
    std::shared_ptr<const void> owner;
};

// What is to be written to a tool: `text`, and behind it at most one long body.
struct outgoing
{
    // A shorter body is cheaper to copy than to write from where it is. A slow reader of it costs at most this.
    static constexpr std::size_t shared_body_min = 4 << 10;

    std::string text;
    shared_bytes body;

    std::size_t size() const { return text.size() + body.bytes.size(); }
    void drop(std::size_t count);  // its first `count` bytes
    void clear();
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

    // The same without the body. True if it is to be written behind.
    bool end_head(std::size_t body_bytes, const reply_mode&, bool close = false);

private:
    text_writer out_;
    const unsigned status_;
};

// Appends the whole message to `out`.
void write_reply(std::string& out, const reply&, const reply_mode&, wall_time now);

// The same, but a long body is not copied; then nothing may be appended behind it.
void write_reply(outgoing& out, reply, const reply_mode&, wall_time now);

// The same with `body` in place of the reply's own.
void write_reply(outgoing& out, const reply&, const shared_bytes& body, const reply_mode&, wall_time now);

// Ends the message that `w` writes to `out.text`.
template<class Owner>
void end_reply(reply_writer& w, outgoing& out, std::string_view body, const std::shared_ptr<Owner>& owner,
               const reply_mode& mode, bool close = false)
{
    if (!owner || body.size() < outgoing::shared_body_min)
        w.end(body, mode, close);
    else if (w.end_head(body.size(), mode, close))
        out.body = {body, owner};
}

// "Tue, 24 Nov 2026 08:00:00 GMT" (RFC 9110, section 5.6.7).
std::string http_date(wall_time);

// "cc-…": unique within the process, and unlikely to meet another's.
std::string next_request_id();

// An answer of callcache's own, in the vendor's error shape: {"requestId":"cc-…","errors":["callcache: …"]}. `text`
// says what happened and what to do. It has no Cache-Status yet.
reply own_answer(unsigned status, std::string_view text);

// The same with 401 and the challenge that it must have (RFC 9110, section 15.5.2). `realm`: whose credential is asked
// for.
reply unauthorized(std::string_view text, std::string_view realm = "Gong API");

}  // namespace callcache
