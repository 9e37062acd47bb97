// What a session waits for, and until when: one deadline for each way. Pure: the session tells it the time.
#pragma once

#include "cache/time.hpp"

#include <algorithm>

namespace callcache
{

class session_waits
{
public:
    // What is to come from the tool.
    enum class incoming
    {
        handshake,  // of TLS; too late: closes without an answer
        request,    // the first byte of the next request; likewise
        head,       // the rest of the head; too late: 408
        body,       // likewise
        nothing,    // reads nothing: an answer is being made
        farewell,   // the tool's close, after ours; too late: closes
    };

    void expect(incoming what, steady_time until)
    {
        what_ = what;
        read_until_ = until;
        is_late_ = false;
    }
    void begin_write(steady_time until) { write_until_ = until; }
    void end_write() { write_until_ = steady_time::max(); }
    bool is_writing() const { return write_until_ != steady_time::max(); }

    incoming what() const { return what_; }
    bool is_late() const { return is_late_; }  // what is expected has not come in time

    enum class overdue
    {
        nothing,
        read,     // stop reading, and answer 408
        session,  // close without an answer
    };
    overdue check(steady_time now)
    {
        if (now >= write_until_) return overdue::session;
        if (now < read_until_) return overdue::nothing;
        read_until_ = steady_time::max();
        is_late_ = true;
        bool is_told = (what_ == incoming::head || what_ == incoming::body) && !is_writing();
        return is_told ? overdue::read : overdue::session;
    }

    // When to look again. While nothing is read, a hang-up must be looked for each time.
    steady_time next_look() const
    {
        return what_ == incoming::nothing ? steady_time::min() : std::min(read_until_, write_until_);
    }

private:
    incoming what_ = incoming::request;
    steady_time read_until_ = steady_time::max(), write_until_ = steady_time::max();
    bool is_late_ = false;
};

}  // namespace callcache
