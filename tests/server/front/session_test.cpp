// A tool's connection by itself: a handler that the test answers for, a simulated clock, a socket on loopback.

#include "server/front/session.hpp"

#include "tests/support/loopback_socket.hpp"
#include "tests/support/stepped_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <malloc.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <stdexcept>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

// Answers "METHOD target" at once, but for /body, whose answer is the request's body, /held, which waits for
// release(), /early, which answers and then reads the body, /large, which is `kept`, and /mistake.
class scripted_handler final : public handler
{
public:
    explicit scripted_handler(const clock_source& c) : clock_(c) {}

    std::vector<std::string> asked, mistakes;
    int left = 0;  // tools that hung up while they waited for /held
    std::shared_ptr<const std::string> kept =
        std::make_shared<const std::string>(32 << 20, 'x');  // more than the
                                                             // system takes at once

    void release()
    {
        REQUIRE(held_);
        std::exchange(held_, nullptr)(true);
    }
    bool holds() const { return bool(held_); }
    void forget() { held_ = nullptr; }

    bool answer_now(response_context& c) override
    {
        const request& r = c.asked;
        if (r.target == "/mistake") throw std::runtime_error("a bug");
        if (r.target == "/body" || r.target == "/held" || r.target == "/early") return false;
        asked.push_back(std::string(r.method) + " " + std::string(r.target));
        if (r.target == "/large")
            write_reply(c.out, reply(), {*kept, kept}, c.mode, clock_.wall());
        else
            write(c.out, asked.back(), c.mode);
        return true;
    }

    task<void> answer(response_context& c, conversation& with) override
    {
        const request& r = c.asked;
        std::string text;
        if (r.target == "/early")
        {
            write(c.out, "no", c.mode);
            co_await with.write(c.out.text);
            co_await with.read_body();
            co_return;
        }
        if (r.target == "/held")
        {
            with.notice_end([this] { ++left; });
            auto hold = [this](auto done) { held_ = std::move(done); };
            co_await call_back<bool>(hold);
            with.notice_end(nullptr);
        }
        for (bool whole = r.target == "/held"; !whole;)
        {
            body_piece piece = co_await with.read_body();
            text += piece.data;
            whole = piece.data.empty();
            if (piece.refused) text = std::to_string(piece.refused->status);
            c.mode.keep_alive = r.keep_alive && with.is_body_read();
        }
        asked.push_back(std::string(r.method) + " " + std::string(r.target));
        write(c.out, text, c.mode);
    }

    void mistake(std::string_view what) override { mistakes.emplace_back(what); }

    void refuse(const refused_head& refused, bool head_only, outgoing& out) override
    {
        reply_mode mode;
        mode.head_only = head_only;
        mode.keep_alive = false;
        write(out, "refused", mode, refused.status);
    }

private:
    void write(outgoing& out, std::string body, const reply_mode& mode, unsigned status = 200) const
    {
        reply a;
        a.status = status;
        a.body = std::move(body);
        write_reply(out, a, mode, clock_.wall());
    }

    const clock_source& clock_;
    std::function<void(bool)> held_;
};

struct front_rig : stepped_loop
{
    explicit front_rig(std::size_t unread_bytes_max = SIZE_MAX) : here(loop.get_executor(), unread_bytes_max) {}

    // No session outlives its front.
    ~front_rig()
    {
        answers.forget();
        for (session* s : here.sessions) s->abort();
        settle();
    }

    live_settings config{settings()};
    scripted_handler answers{clock};
    session_rules rules{config, clock, answers};
    front here;

    // As the proxy does about once a second.
    void advance(std::chrono::nanoseconds by)
    {
        settle();
        clock.advance(by);
        here.sweep(clock.steady());
        settle();
    }
    void drain()
    {
        rules.draining = true;
        for (session* s : here.sessions) s->drain();
    }
};

// The tool's end, and the session at the other.
class tool_end
{
public:
    using runs = task<void> (*)(std::shared_ptr<session>);

    explicit tool_end(front_rig& r, runs run = &session::run) : rig_(r), state_(std::make_shared<state>(r.loop))
    {
        auto listening = loopback_socket::listening();
        auto mine = loopback_socket::connected(listening.port()), other = listening.accept();
        REQUIRE(other.fd >= 0);
        state_->socket.assign(tcp::v4(), std::exchange(mine.fd, -1));
        tcp_socket theirs(r.loop.get_executor());
        theirs.assign(tcp::v4(), std::exchange(other.fd, -1));
        asio::co_spawn(r.loop, run(std::make_shared<session>(std::move(theirs), r.here, r.rules)), asio::detached);
        r.settle();
    }
    ~tool_end() { hang_up(); }

    void send(std::string bytes)
    {
        auto kept = std::make_shared<std::string>(std::move(bytes));
        asio::async_write(state_->socket, asio::buffer(*kept), [kept, s = state_](error_code, std::size_t) {});
        rig_.settle();
    }
    // Sends, and nothing else happens.
    void post(const std::string& bytes)
    {
        REQUIRE(::send(state_->socket.native_handle(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
    }
    void hang_up()
    {
        error_code ignored;
        state_->socket.close(ignored);
    }

    // From now on what comes is read.
    void listen() { asio::co_spawn(rig_.loop, read(state_), asio::detached); }

    bool ended() const { return state_->ended; }
    void wait_ended()
    {
        rig_.run_until([this] { return ended(); });
    }

    // What came and was not taken yet.
    const std::string& heard() const { return state_->heard; }

    // The body of the next answer, "(closing) " before it if that is its connection's last; "(408) " and so on.
    std::string next()
    {
        std::string& in = state_->heard;
        auto head_end = [&] { return in.find("\r\n\r\n"); };
        auto size = [&] { return std::stoul(in.substr(in.find("Content-Length: ") + 16)); };
        rig_.run_until([&] { return ended() || (head_end() != in.npos && in.size() >= head_end() + 4 + size()); });
        if (head_end() == in.npos) return "(nothing)";
        std::string head = in.substr(0, head_end()), body = in.substr(head_end() + 4, size());
        in.erase(0, head.size() + 4 + body.size());
        std::string status = head.substr(9, 3),
                    closing = head.find("Connection: close") == head.npos ? "" : "(closing) ";
        return closing + (status == "200" ? "" : "(" + status + ") ") + body;
    }

private:
    struct state
    {
        explicit state(asio::io_context& loop) : socket(loop.get_executor()) {}
        tcp_socket socket;
        std::string heard;
        bool ended = false;
    };
    static task<void> read(std::shared_ptr<state> s)
    {
        std::array<char, 65536> room;
        for (error_code error; !error;)
        {
            auto [failed, bytes] = co_await s->socket.async_read_some(asio::buffer(room), as_result);
            s->heard.append(room.data(), bytes);
            error = failed;
        }
        s->ended = true;
    }

    front_rig& rig_;
    std::shared_ptr<state> state_;
};

// One that reads what comes.
struct listening_tool : tool_end
{
    explicit listening_tool(front_rig& r, runs run = &session::run) : tool_end(r, run) { listen(); }
};

std::string get(const std::string& target, const std::string& further = "")
{
    return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + further + "\r\n";
}

std::string post(const std::string& further, const std::string& body = "")
{
    return "POST /body HTTP/1.1\r\nHost: x\r\n" + further + "\r\n" + body;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("session: a head in pieces is one request, however it is cut")
{
    const std::string two = get("/a", "X: y\r\n") + get("/b");
    for (std::size_t cut = 1; cut < two.size(); ++cut)
    {
        CAPTURE(cut);
        front_rig r;
        listening_tool t(r);
        t.send(two.substr(0, cut));
        t.send(two.substr(cut));
        CHECK(t.next() == "GET /a");
        CHECK(t.next() == "GET /b");
    }
    front_rig r;
    listening_tool t(r);
    for (char c : two) t.send(std::string(1, c));
    CHECK(t.next() == "GET /a");
    CHECK(t.next() == "GET /b");
    CHECK(r.answers.asked == list{"GET /a", "GET /b"});
}

TEST_CASE("session: pipelined requests are answered in order, those at once too that stand behind one that takes time")
{
    front_rig r;
    listening_tool t(r);
    t.send(get("/a") + get("/held") + get("/b") + post("Content-Length: 5\r\n", "hello") + get("/c"));
    CHECK(t.next() == "GET /a");
    CHECK(r.answers.asked == list{"GET /a"});
    r.answers.release();
    CHECK(t.next() == "");
    CHECK(t.next() == "GET /b");
    CHECK(t.next() == "hello");
    CHECK(t.next() == "GET /c");
    CHECK(r.answers.asked == list{"GET /a", "GET /held", "GET /b", "POST /body", "GET /c"});
}

TEST_CASE("session: once the answer has begun, nobody is told to go on with the body")
{
    front_rig r;
    tool_end t(r);
    t.listen();
    t.send("POST /early HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    r.settle();
    CHECK(t.heard().find("HTTP/1.1 200") == 0);
    CHECK(t.heard().find("100 Continue") == std::string::npos);
}

TEST_CASE("session: more answers than are written at once all come, and nothing is asked behind the last request")
{
    front_rig r;
    r.answers.kept = std::make_shared<const std::string>(10'000, 'x');
    listening_tool t(r);
    std::string many;
    for (int n = 0; n < 100; ++n) many += get("/large");
    t.send(many + get("/last", "Connection: close\r\n") + get("/behind"));
    for (int n = 0; n < 100; ++n) CHECK(t.next().size() == 10'000);
    CHECK(t.next() == "(closing) GET /last");
    t.wait_ended();
    CHECK(t.heard().empty());
    CHECK(r.answers.asked.size() == 101);
}

TEST_CASE("session: what stands before a request that is refused is answered, what stands behind it is not")
{
    front_rig r;
    listening_tool t(r);
    t.send(get("/a") + "nonsense\n\n" + get("/b"));
    CHECK(t.next() == "GET /a");
    CHECK(t.next() == "(closing) (400) refused");
    t.wait_ended();
    CHECK(t.heard().empty());
    CHECK(r.answers.asked == list{"GET /a"});
}

TEST_CASE("session: a head has server.header_timeout from its first byte on, and no piece of it winds that up")
{
    front_rig r;
    listening_tool t(r);
    r.advance(60s);  // before the first byte it is another deadline
    t.send("GET /a HTTP/1.1\r\n");
    r.advance(9s);
    t.send("Host: x\r\n");
    r.advance(999ms);
    CHECK(t.heard().empty());
    CHECK_FALSE(t.ended());
    r.advance(1ms);
    CHECK(t.next() == "(closing) (408) refused");
    t.wait_ended();

    listening_tool quick(r);
    quick.send("GET /a HTTP/1.1\r\n");
    r.advance(9999ms);
    quick.send("Host: x\r\n\r\n");
    CHECK(quick.next() == "GET /a");
    r.advance(20s);  // the next head has a time of its own
    CHECK_FALSE(quick.ended());
}

TEST_CASE("session: between requests a tool has server.idle_timeout from the last answer on, and then no word is said")
{
    front_rig r;
    listening_tool fresh(r), used(r);
    r.advance(70s);
    used.send(get("/a"));
    CHECK(used.next() == "GET /a");
    r.advance(4999ms);
    CHECK_FALSE(fresh.ended());
    r.advance(1ms);
    CHECK(fresh.ended());
    CHECK(fresh.heard().empty());
    CHECK_FALSE(used.ended());
    r.advance(69'999ms);
    CHECK_FALSE(used.ended());
    r.advance(1ms);
    CHECK(used.ended());
    CHECK(used.heard().empty());
}

TEST_CASE("session: the time that an answer takes is not the tool's")
{
    front_rig r;
    listening_tool t(r);
    t.send(get("/held"));
    r.advance(10min);
    CHECK_FALSE(t.ended());
    r.answers.release();
    CHECK(t.next() == "");
    r.advance(74s);
    CHECK_FALSE(t.ended());
    r.advance(1s);
    CHECK(t.ended());
}

TEST_CASE("session: while it drains an idle connection ends after a moment, and a request is the last of its own")
{
    front_rig r;
    listening_tool idle(r), late(r), busy(r), halfway(r);
    busy.send(get("/held"));
    halfway.send("GET /a HTTP/1.1\r\n");
    r.drain();
    r.advance(session::drain_grace - 1ms);
    CHECK_FALSE(idle.ended());
    late.send(get("/late") + get("/behind"));
    CHECK(late.next() == "(closing) GET /late");
    late.wait_ended();
    r.advance(1ms);
    CHECK(idle.ended());
    CHECK(idle.heard().empty());
    halfway.send("Host: x\r\n\r\n");
    CHECK(halfway.next() == "(closing) GET /a");
    CHECK_FALSE(busy.ended());
    r.answers.release();
    // Its head was read before: whoever handled it had said that the connection goes on. No further request is read.
    busy.next();
    r.advance(session::drain_grace);
    busy.wait_ended();
}

TEST_CASE("session: 100 (Continue) is said once, when the body is wanted and has not come")
{
    const std::string expecting = "Expect: 100-continue\r\nContent-Length: 5\r\n",
                      go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    front_rig r;
    listening_tool t(r);
    t.send(post(expecting));
    CHECK(t.heard() == go_on);
    t.send("he");
    CHECK(t.heard() == go_on);
    t.send("llo");
    CHECK(t.heard().substr(go_on.size()).find(go_on) == std::string::npos);
    CHECK(t.heard().ends_with("\r\n\r\nhello"));

    listening_tool quick(r);
    quick.send(post(expecting, "hello"));
    CHECK(quick.next() == "hello");

    // One that nobody reads may never be sent: the connection cannot go on.
    listening_tool unread(r);
    unread.send(get("/a", expecting));
    CHECK(unread.next() == "(closing) GET /a");
    unread.wait_ended();
}

TEST_CASE("session: a body has server.idle_timeout for each KiB, and a trickle does not wind it up")
{
    front_rig r;
    listening_tool slow(r), steady(r);
    slow.send(post("Content-Length: 5000\r\n"));
    steady.send(post("Content-Length: 5000\r\n"));
    for (int second = 0; second < 74; ++second)
    {
        slow.send("x");
        r.advance(1s);
    }
    steady.send(std::string(1024, 'x'));
    CHECK(slow.heard().empty());
    r.advance(1s);
    CHECK(slow.next() == "(closing) 408");
    slow.wait_ended();
    r.advance(73'999ms);
    CHECK_FALSE(steady.ended());
    steady.send(std::string(5000 - 1024, 'x'));
    CHECK(steady.next().size() == 5000);
    steady.send(get("/a"));
    CHECK(steady.next() == "GET /a");
}

TEST_CASE(
    "session: a body that nobody wants is read over for the next request, and waited for no longer than for a head")
{
    front_rig r;
    listening_tool t(r);
    t.send(get("/a", "Content-Length: 5\r\n"));
    CHECK(t.next() == "GET /a");  // before it has come
    r.advance(9s);
    t.send("hello" + get("/b"));
    CHECK(t.next() == "GET /b");
    t.send(get("/a", "Content-Length: 5\r\n") + "h");
    CHECK(t.next() == "GET /a");
    r.advance(9'999ms);
    CHECK_FALSE(t.ended());
    r.advance(1ms);
    t.wait_ended();
    CHECK(t.heard().empty());
    listening_tool lengthy(r);
    lengthy.send(get("/a", "Content-Length: 65537\r\n"));
    CHECK(lengthy.next() == "(closing) GET /a");
}

TEST_CASE("session: who hangs up while an answer is made is noticed once, and whoever waits for nothing is not")
{
    front_rig r;
    {
        listening_tool t(r);
        t.send(get("/held"));
        REQUIRE(r.answers.holds());
        r.advance(1s);
        CHECK(r.answers.left == 0);
        t.hang_up();
        r.run_until([&] { return r.answers.left == 1; });
        r.advance(1s);
        r.advance(1s);
        CHECK(r.answers.left == 1);
        r.answers.release();
        r.run_until([&] { return r.here.sessions.empty(); });
    }
    {
        // What it had sent behind its request is no reason to look no more.
        listening_tool t(r);
        t.send(get("/held") + get("/b"));
        r.advance(1s);
        t.send("G");
        r.advance(1s);
        CHECK(r.answers.left == 1);
        t.hang_up();
        r.advance(1s);
        CHECK(r.answers.left == 2);
        r.answers.release();
        r.run_until([&] { return r.here.sessions.empty(); });
    }
    listening_tool answered(r);
    answered.send(get("/held"));
    r.answers.release();
    CHECK(answered.next() == "");
    answered.hang_up();
    r.advance(1s);
    CHECK(r.answers.left == 2);
}

TEST_CASE("session: a tool that reads nothing for server.idle_timeout is cut off")
{
    front_rig r;
    tool_end deaf(r);  // nothing is read
    deaf.send(get("/large"));
    CHECK(r.answers.asked.size() == 1);
    r.advance(74'999ms);
    CHECK(r.here.sessions.size() == 1);
    r.advance(1ms);
    r.run_until([&] { return r.here.sessions.empty(); });
    deaf.listen();
    deaf.wait_ended();
    CHECK(deaf.heard().size() < r.answers.kept->size());
}

TEST_CASE("session: a long answer is written from where it is kept, which stays alive until all of it is written")
{
    front_rig r;
    tool_end deaf(r), other(r);
    r.answers.kept = std::make_shared<const std::string>(12 << 20, 'x');
    deaf.send(get("/large") + get("/a"));
    other.send(get("/large"));
    auto old = std::exchange(r.answers.kept, std::make_shared<const std::string>("new"));
    r.advance(1s);
    CHECK(old.use_count() == 3);  // for each tool, and no copy
    CHECK(r.here.answers.text.capacity() < 1 << 10);
    deaf.listen();
    CHECK((deaf.next() == *old));
    CHECK(deaf.next() == "GET /a");
    CHECK(old.use_count() == 2);
    other.hang_up();
    r.run_until([&] { return old.use_count() == 1; });
}

TEST_CASE("session: when tools read too little of too much, the one that has been reading longest is cut off")
{
    front_rig r(16 << 20);
    tool_end first(r), second(r), third(r);
    r.answers.kept = std::make_shared<const std::string>(12 << 20, 'x');
    first.send(get("/large"));
    r.answers.kept = std::make_shared<const std::string>(12 << 20, 'y');
    second.send(get("/large"));
    r.run_until([&] { return r.here.sessions.size() == 2; });
    third.send(get("/large"));  // the same as the second
    for (tool_end* t : {&second, &third})
    {
        t->listen();
        CHECK((t->next() == *r.answers.kept));
    }
    CHECK(r.here.unread.bytes() == 0);
    first.listen();
    first.wait_ended();
    CHECK(first.heard().size() < 12 << 20);
}

TEST_CASE("session: a body that is waited for has no room before it comes")
{
    front_rig r;
    listening_tool t(r);
    std::size_t before = mallinfo2().uordblks;
    t.send(post("Content-Length: 60000\r\n", "x"));
    CHECK(mallinfo2().uordblks < before + (16 << 10));
    t.send(std::string(59'999, 'x'));
    CHECK(t.next().size() == 60'000);
}

TEST_CASE("session: an idle connection gives way, one whose request has come or is under way does not")
{
    front_rig r;
    listening_tool busy(r), asks(r), idle(r);
    busy.send(get("/held"));
    CHECK(r.here.idle_tools.count == 2);
    asks.post(get("/a"));  // and the front has not seen it yet
    CHECK(front::end_longest(r.here.idle_tools));
    CHECK_FALSE(front::end_longest(r.here.idle_tools));
    idle.wait_ended();
    CHECK(asks.next() == "GET /a");
    CHECK(r.here.idle_tools.count == 1);
    r.answers.release();
    CHECK(busy.next() == "");
    r.settle();
    CHECK(front::end_longest(r.here.idle_tools));
    asks.wait_ended();
    CHECK_FALSE(busy.ended());
}

TEST_CASE(
    "session: a connection whose head does not become whole gives way, the longest first; one that goes on does not")
{
    front_rig r;
    listening_tool half(r), later(r);
    half.send("GET /a HTTP/1.1\r\nHost: x\r\n");
    later.send("GET /b HT");
    CHECK(r.here.idle_tools.count == 2);
    CHECK(front::end_longest(r.here.idle_tools));
    half.wait_ended();
    CHECK_FALSE(later.ended());
    later.send("TP/1.1\r\nHost: x\r\n\r\n");
    CHECK(later.next() == "GET /b");
}

TEST_CASE("session: of another thread no more idle connections are asked to give way than there are")
{
    front_rig r;
    listening_tool one(r), two(r);
    CHECK(r.here.ask_end_of_longest(&front::idle_tools));
    CHECK(r.here.ask_end_of_longest(&front::idle_tools));
    CHECK_FALSE(r.here.ask_end_of_longest(&front::idle_tools));
    CHECK_FALSE(r.here.ask_end_of_longest(&front::idle_operators));
    one.wait_ended();
    two.wait_ended();
    listening_tool three(r);
    CHECK(r.here.ask_end_of_longest(&front::idle_tools));
    three.wait_ended();
}

TEST_CASE("session: after the last answer it waits for the tool to close, as an answer that is not read would be lost, "
          "but not for long")
{
    front_rig r;
    tool_end t(r);
    t.send(get("/a", "Connection: close\r\n"));
    CHECK(r.here.sessions.size() == 1);
    r.advance(1999ms);
    CHECK(r.here.sessions.size() == 1);
    r.advance(1ms);
    r.run_until([&] { return r.here.sessions.empty(); });
    t.listen();
    CHECK(t.next() == "(closing) GET /a");

    listening_tool closes(r);
    closes.send(get("/a", "Connection: close\r\n"));
    CHECK(closes.next() == "(closing) GET /a");
    closes.wait_ended();
    closes.hang_up();
    r.run_until([&] { return r.here.sessions.empty(); });
}

TEST_CASE("session: a mistake of ours ends its connection without an answer, is said, and concerns nobody else")
{
    front_rig r;
    listening_tool unlucky(r), other(r);
    unlucky.send(get("/a") + get("/mistake"));
    unlucky.wait_ended();
    CHECK(unlucky.heard().empty());
    CHECK(r.answers.mistakes == list{"a bug"});
    other.send(get("/b"));
    CHECK(other.next() == "GET /b");
}

TEST_CASE("session: one that is turned away is told so, and counts for as long as it is there")
{
    front_rig r;
    listening_tool t(r), refused(r, &session::turn_away);
    CHECK(r.rules.open == 2);
    CHECK(refused.next() == "(closing) (503) refused");
    refused.wait_ended();
    refused.hang_up();
    r.run_until([&] { return r.rules.open == 1; });
    t.hang_up();
    r.run_until([&] { return r.rules.open == 0; });
    CHECK(r.here.sessions.empty());
}
