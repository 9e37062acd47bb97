// One connection of a tool: reads requests, has them answered, writes the answers, in order.
#pragma once

#include "config/settings.hpp"
#include "server/clock.hpp"
#include "server/http/handler.hpp"
#include "server/net.hpp"

#include <atomic>
#include <list>
#include <memory>

namespace callcache
{

class session;

// An event loop that answers tools, and the sessions on it. The list belongs to the loop's
// thread.
struct front
{
    explicit front(executor ex) : loop(ex) {}

    executor loop;
    std::list<session*> sessions;
};

// What the sessions of an address have in common. Outlives them.
struct session_rules
{
    const server_settings& limits;
    const clock_source& clock;
    handler& answers;
    std::atomic<std::size_t> open{0};   // connections, on all fronts
    std::atomic<bool> draining{false};  // no further request is read; one that is being answered is finished
};

// Front loop only. Held by its own coroutine.
class session : public std::enable_shared_from_this<session>
{
public:
    session(tcp_socket, front&, session_rules&);
    ~session();

    // Runs until the connection ends.
    static task<void> run(std::shared_ptr<session>);

    // In place of run(): there are too many connections. Says so, and ends.
    static task<void> turn_away(std::shared_ptr<session>);

    // Called about once a second: ends what is overdue.
    void sweep(steady_time now);

    // The rules say that we drain: ends a connection that waits for a request.
    void drain();

    // Ends it at once.
    void abort();

private:
    enum class waiting_for
    {
        request,   // between requests: may be closed without a word
        head,      // a part of one has come: 408
        answer,    // the handler's: no deadline here
        reader,    // the tool, to take what was written
        farewell,  // the tool, to close after us
    };

    task<bool> read_head(std::string& out);
    task<bool> serve_one(std::string& out);
    task<bool> skip_body(const framing&);
    task<std::size_t> read_more();
    task<bool> flush(std::string& out);
    void watch(const std::shared_ptr<presence>&);
    void notice_hang_up();
    task<void> part();
    void wait_for(waiting_for, milliseconds at_most);

    tcp_socket socket_;
    front& front_;
    session_rules& rules_;
    std::list<session*>::iterator place_;
    remembered_credential remembered_;
    std::weak_ptr<presence> here_;  // while an answer is made
    std::string in_;                // received and not yet used
    std::size_t head_size_ = 0;     // of the request at the front of it
    waiting_for waiting_ = waiting_for::request;
    steady_time overdue_ = steady_time::max();
    bool timed_out_ = false;
};

}  // namespace callcache
