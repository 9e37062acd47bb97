// One connection of a tool: reads requests, has them answered, writes the answers, in order.
#pragma once

#include "config/live_settings.hpp"
#include "server/async/clock.hpp"
#include "server/async/net.hpp"
#include "server/front/handler.hpp"
#include "server/front/last_head.hpp"
#include "server/front/session_waits.hpp"
#include "server/front/tls_stream.hpp"
#include "server/front/unread_bodies.hpp"
#include "server/http/body_decoder.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace callcache
{

class session;

// The connections of an address on one loop that are between two requests.
struct idle_connections
{
    std::list<session*> longest_first;
    std::atomic<std::size_t> count{0};       // written by the loop's thread alone
    std::atomic<std::size_t> asked_ends{0};  // of ask_end_of_idle(), and not done yet
};

// An event loop that answers tools, and the sessions on it. All but `loop` belongs to the loop's thread.
struct front
{
    explicit front(executor ex, std::size_t unread_bytes_max = SIZE_MAX) : loop(ex), unread(unread_bytes_max) {}

    // Called about once a second: ends what is overdue. Thousands of connections that wait are not looked at each time.
    void sweep(steady_time now);

    // Ends the connection that has been idle longest, of those of one address. False if none is idle.
    static bool end_longest(idle_connections&);

    // Any thread. The same, soon.
    bool ask_end_of_longest(idle_connections front::*);

    executor loop;
    std::list<session*> sessions;
    idle_connections idle_tools, idle_operators;
    unread_bodies unread;
    steady_time sweep_due = steady_time::max();  // nothing is overdue before

    // Room in which requests are read and answers made that take no time; nothing stays there while anything is
    // awaited. So a connection that waits for a request holds no room for answers.
    outgoing answers;
    std::vector<field_view> fields;
    request_or_refusal read;
};

// What the sessions of an address have in common. Outlives them.
struct session_rules
{
    const live_settings& config;
    const clock_source& clock;
    handler& answers;
    const tls_identity_holder* tls = nullptr;  // null: no TLS
    const std::size_t open_most = SIZE_MAX;    // connections that the process has descriptors for
    idle_connections front::*const idle = &front::idle_tools;
    std::atomic<std::size_t> open{0};   // connections, on all fronts
    std::atomic<bool> draining{false};  // no further request is read; one that is being answered is finished

    const server_settings& limits() const { return config->server; }
    bool are_operators() const { return idle == &front::idle_operators; }
    std::size_t connections_max() const  // server.connections_max is of tools
    {
        return are_operators() ? open_most : std::min<std::size_t>(limits().connections_max, open_most);
    }
};

// Front loop only. Held by its own coroutine.
class session : public std::enable_shared_from_this<session>, private conversation
{
public:
    session(tcp_socket, front&, session_rules&);
    ~session();

    // Runs until the connection ends.
    static task<void> run(std::shared_ptr<session>);

    // In place of run(): there are too many connections. Says so, and ends.
    static task<void> turn_away(std::shared_ptr<session>);

    // Ends what is overdue, and says when to look again.
    steady_time sweep(steady_time now);

    // The rules say that we drain: a connection that waits for a request waits no longer than this for it, as one may
    // be on its way.
    static constexpr milliseconds drain_grace{250};
    void drain();

    // It is idle. Ends it, unless a request has come already. It is not idle any more.
    bool give_way();

    // Ends it at once.
    void abort();

private:
    using incoming = session_waits::incoming;

    // conversation
    void notice_end(std::function<void()> left) override;
    bool is_half_closed() const override;
    task<body_piece> read_body() override;
    void stop_reading() override;
    bool is_body_read() const override { return body_.is_done(); }
    const std::vector<field>& trailers() const override { return body_.trailers(); }
    task<bool> write(std::string& out) override { return write(out, {}); }
    void break_off() override;
    void cut_off();
    void warn_of_tool(std::string_view text, std::string_view why);

    task<bool> secure();
    bool answer_ready(outgoing& out, bool& needs_time);
    whole_head read_whole(std::string_view bytes);
    bool send_at_once(outgoing& out);
    void wait_for_first();
    idle_connections& idle() { return front_.*rules_.idle; }
    void be_idle();
    void be_busy();
    task<bool> read_head(outgoing& out);
    task<bool> serve_one(bool needs_time);
    task<void> refuse(const refused_head&, outgoing& out);
    task<bool> write(outgoing& out) { return out.body.owner ? write_long(out) : write(out.text, {}); }
    task<bool> write_long(outgoing& out);
    task<bool> write(std::string& text, std::string_view body);
    task<bool> skip_body();
    task<bool> wait_for_more();
    task<std::size_t> read_more(std::size_t at_most);
    std::span<char> make_room(std::size_t bytes);
    void give_back_room(std::size_t bytes);
    void notice_hang_up();
    short end_of_tool() const;
    task<void> part();
    void expect(incoming what, milliseconds at_most) { expect(what, rules_.clock.steady() + at_most); }
    void expect(incoming, steady_time until = steady_time::max());

    tcp_socket socket_;
    std::unique_ptr<tls_stream> tls_;  // null: none
    front& front_;
    session_rules& rules_;
    std::list<session*>::iterator place_;
    std::list<session*> not_idle_{this};  // its node of the idle ones, while it is not there
    const std::list<session*>::iterator idle_place_ = not_idle_.begin();
    asker from_;
    last_head last_head_;
    std::string in_;             // received
    std::size_t used_ = 0;       // of it, at its front
    std::size_t head_size_ = 0;  // of the request that stands there
    bool is_head_ = false;       // it is a HEAD
    body_decoder body_{framing{}};
    bool continue_is_due_ = false;       // the tool waits for 100
    std::size_t body_bytes_ = 0;         // received since body_time_ was set
    steady_time::duration body_time_{};  // that the tool has left for the next of them
    session_waits waits_;
    std::function<void()> left_;  // tells of the tool's end
    bool watches_ = false;        // for something to come
    steady_time heard_at_;        // the last request, or the end of an answer that took its time
};

}  // namespace callcache
