// One connection of a tool: reads requests, has them answered, writes the answers, in order.
#pragma once

#include "config/live_settings.hpp"
#include "server/async/clock.hpp"
#include "server/async/net.hpp"
#include "server/front/handler.hpp"
#include "server/front/last_head.hpp"
#include "server/front/session_waits.hpp"
#include "server/front/tls_stream.hpp"
#include "server/http/body_decoder.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace callcache
{

class session;

// An event loop that answers tools, and the sessions on it. All but `loop` belongs to the loop's thread.
struct front
{
    explicit front(executor ex) : loop(ex) {}

    // Called about once a second: ends what is overdue. Thousands of connections that wait are not looked at each time.
    void sweep(steady_time now);

    executor loop;
    std::list<session*> sessions;
    steady_time sweep_due = steady_time::max();  // nothing is overdue before

    // Room in which requests are read and answers made that take no time; nothing stays there while anything is
    // awaited. So a connection that waits for a request holds no room for answers.
    std::string answers;
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
    std::atomic<std::size_t> open{0};          // connections, on all fronts
    std::atomic<bool> draining{false};         // no further request is read; one that is being answered is finished

    const server_settings& limits() const { return config->server; }
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
    task<bool> write(std::string& out) override;
    void break_off() override { abort(); }

    task<bool> secure();
    bool answer_ready(std::string& out, bool& needs_time);
    whole_head read_whole(std::string_view bytes);
    bool send_at_once(std::string& out);
    void wait_for_first();
    task<bool> read_head(std::string& out);
    task<bool> serve_one(bool needs_time);
    task<void> refuse(const refused_head&, std::string& out);
    task<bool> skip_body();
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
