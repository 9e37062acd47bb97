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

// The next piece of a request's body, good until the next one is read. Empty at the body's end, and where nothing more
// will come: the body is malformed or too slow, and `refused` is what to answer, or the tool has gone (status 0).
struct body_piece
{
    std::string_view data;
    std::optional<refused_head> refused;
};

// Front loop only; one read and one write at a time.
class conversation
{
public:
    // From now on `left` is called, at most once, when the tool has hung up; it may have closed its own side alone.
    // Null: nobody is.
    virtual void notice_end(std::function<void()> left) = 0;

    // What is not read here is not read at all, or thrown away. Says 100 (Continue) to a tool that waits for that.
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
