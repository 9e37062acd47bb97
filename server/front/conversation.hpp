// The tool's end of a request whose answer takes its time.
#pragma once

#include "server/async/net.hpp"
#include "server/http/head_guard.hpp"
#include "server/http/reply.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// The next piece of a request's body, valid until the next read. Empty at the end of the body, and on an error: then
// `refused` says what to answer (status 0: the tool has gone).
struct body_piece
{
    std::string_view data;
    std::optional<refused_head> refused;
};

// Front loop only; one read and one write at a time.
class conversation
{
public:
    // Calls `left`, at most once, when the tool has hung up or closed its own side. Null: stops watching.
    virtual void notice_end(std::function<void()> left) = 0;

    // The tool has closed its own side, and may still read.
    virtual bool is_half_closed() const = 0;

    // Nothing else reads the body; what is left of it is skipped. Says 100 (Continue) first to a tool that waits for
    // it, unless its answer has begun.
    virtual task<body_piece> read_body() = 0;

    // Ends a read_body() that waits: it says that the tool has gone.
    virtual void stop_reading() = 0;

    // All of the body has been read: what comes next is the next request.
    virtual bool is_body_read() const = 0;
    virtual const std::vector<field>& trailers() const = 0;

    // Writes what is in `out`, which is empty afterwards. False if the tool takes nothing any more.
    virtual task<bool> write(std::string& out) = 0;

    // Ends the connection at once, so that an answer which broke off cannot be taken for a whole one.
    virtual void break_off() = 0;

protected:
    ~conversation() = default;
};

}  // namespace callcache
