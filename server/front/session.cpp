#include "server/front/session.hpp"

#include "server/http/head_reader.hpp"
#include "server/upstream/tcp_state.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace callcache
{
namespace
{

constexpr char tls_handshake_record = 0x16;        // the first byte of TLS (RFC 8446, section 5.1)
constexpr std::size_t first_read_bytes = 1 << 10;  // while nothing has come; most requests are shorter
constexpr std::size_t read_bytes = 4096;
constexpr std::size_t body_read_bytes = 64 << 10;
constexpr std::size_t body_progress_bytes = 1 << 10;  // at least so much of a body in an idle_timeout
constexpr std::size_t kept_bytes_max = 32 << 10;      // a buffer that grew beyond it is given back
constexpr std::size_t gathered_max = 16 << 10;        // answers to pipelined requests, written at once
constexpr std::size_t skipped_body_max = 64 << 10;    // a longer body is not read to keep a connection
constexpr std::size_t farewell_bytes_max = 1 << 20;
constexpr milliseconds farewell_max = 2s;

std::array<asio::const_buffer, 2> both_buffers(std::string_view text, std::string_view body)
{
    return {asio::buffer(text), asio::buffer(body)};
}

}  // namespace

session::session(tcp_socket socket, front& f, session_rules& rules) :
    socket_(std::move(socket)),
    front_(f),
    rules_(rules),
    place_(f.sessions.insert(f.sessions.end(), this))
{
    error_code ignored;
    socket_.non_blocking(true, ignored);
    ++rules_.open;
}

session::~session()
{
    be_busy();
    front_.sessions.erase(place_);
    --rules_.open;
}

void session::expect(incoming what, steady_time until)
{
    waits_.expect(what, until);
    front_.sweep_due = std::min(front_.sweep_due, waits_.next_look());
}

void front::sweep(steady_time now)
{
    if (now < sweep_due) return;
    sweep_due = steady_time::max();
    for (session* s : sessions) sweep_due = std::min(sweep_due, s->sweep(now));
}

bool front::end_longest(idle_connections& idle)
{
    while (!idle.longest_first.empty())
        if (idle.longest_first.front()->give_way()) return true;
    return false;
}

// Several may ask before the loop's turn comes: not more than there are.
bool front::ask_end_of_longest(idle_connections front::*which)
{
    idle_connections& idle = this->*which;
    if (idle.asked_ends.fetch_add(1) >= idle.count.load())
    {
        --idle.asked_ends;
        return false;
    }
    asio::post(loop, [&idle] {
        --idle.asked_ends;
        end_longest(idle);
    });
    return true;
}

void session::be_idle()
{
    std::list<session*>& all = idle().longest_first;
    all.splice(all.end(), not_idle_);
    idle().count.store(all.size(), std::memory_order_relaxed);
}

void session::be_busy()
{
    if (!not_idle_.empty()) return;
    std::list<session*>& all = idle().longest_first;
    not_idle_.splice(not_idle_.end(), all, idle_place_);
    idle().count.store(all.size(), std::memory_order_relaxed);
}

bool session::give_way()
{
    be_busy();
    error_code ignored;
    bool has_come = socket_.available(ignored) > 0;
    if (!has_come) abort();
    return !has_come;
}

steady_time session::sweep(steady_time now)
{
    notice_hang_up();
    switch (waits_.check(now))
    {
    case session_waits::overdue::nothing: break;
    case session_waits::overdue::read: stop_reading(); break;
    case session_waits::overdue::session: abort(); break;
    }
    return left_ ? now : waits_.next_look();
}

void session::drain()
{
    if (waits_.what() == incoming::handshake) abort();
    if (waits_.what() == incoming::request) expect(incoming::request, drain_grace);
}

void session::abort()
{
    if (waits_.is_writing()) return break_off();
    error_code ignored;
    socket_.close(ignored);
}

// By a reset: an answer to HTTP/1.0 that ends with its connection would look whole.
void session::break_off()
{
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

task<void> session::run(std::shared_ptr<session> self)
{
    try
    {
        bool go_on = co_await self->secure();
        self->heard_at_ = self->rules_.clock.steady();
        while (go_on)
        {
            outgoing& out = self->front_.answers;
            bool needs_time = false;
            go_on = self->answer_ready(out, needs_time);
            if (!self->send_at_once(out))
            {
                outgoing rest = std::exchange(out, {});
                self->expect(incoming::nothing);
                bool written = co_await self->write(rest);
                needs_time = false;  // meanwhile what is kept may have changed, and so may who is let in
                self->heard_at_ = self->rules_.clock.steady();
                go_on = go_on && written;
            }
            if (!go_on) break;
            if (!self->in_.empty())
            {
                go_on = co_await self->serve_one(needs_time);
                continue;
            }
            self->wait_for_first();
            self->be_idle();
            std::size_t bytes = 0;
            if (self->tls_)
                bytes = co_await self->read_more(first_read_bytes);
            else
            {
                // As in read_more(): coroutines of its own cost a twentieth of a hit.
                std::span<char> room = self->make_room(first_read_bytes);
                auto [error, come] =
                    co_await self->socket_.async_read_some(asio::buffer(room.data(), room.size()), as_result);
                bytes = error ? 0 : come;
                self->give_back_room(room.size() - bytes);
            }
            self->be_busy();
            go_on = bytes > 0;
        }
    }
    catch (const std::exception& mistake)
    {
        // A mistake of ours: this connection ends, the others go on.
        self->rules_.answers.mistake(mistake.what());
        self->abort();
    }
    co_await self->part();
}

task<void> session::turn_away(std::shared_ptr<session> self)
{
    outgoing out;
    // It has a name, as GCC 12 destroys an aggregate within an awaited expression twice.
    const refused_head full{503, "too many connections (server.connections_max)", 1};
    self->warn_of_tool("a connection was turned away", "all that server.connections_max allows are in use");
    bool secured = co_await self->secure();
    if (secured) co_await self->refuse(full, out);
    co_await self->part();
}

// The handshake, where there is TLS. False if the connection ends with it.
task<bool> session::secure()
{
    if (!rules_.tls) co_return true;
    tls_ = std::make_unique<tls_stream>(rules_.tls->current(), socket_);
    expect(incoming::handshake, rules_.limits().header_timeout);
    auto greeted = co_await tls_->handshake();
    if (greeted != tls_stream::greeting::done && !tls_->why_failed().empty())
        warn_of_tool("a tool's TLS handshake failed: it must use https://, TLS 1.2 or later, and trust the certificate "
                     "(server.tls_certificate_file)",
                     tls_->why_failed());
    if (greeted == tls_stream::greeting::plain_http)
    {
        tls_.reset();
        outgoing out;
        const refused_head plain{400, "this address speaks TLS alone (server.tls_certificate_file): use https://"};
        co_await refuse(plain, out);
    }
    co_return greeted == tls_stream::greeting::done;
}

task<void> session::refuse(const refused_head& why, outgoing& out)
{
    rules_.answers.refuse(why, is_head_, out);
    co_await write(out);
}

// Answers the requests at the front of `in_` that are whole, have no body and can be answered at once; the first that
// is otherwise stays there, and `needs_time` if answer_now() has refused it. False when the connection ends with the
// last answer.
bool session::answer_ready(outgoing& out, bool& needs_time)
{
    out.clear();               // an exception may have left something there
    std::size_t answered = 0;  // so much of `in_`
    bool keep = true;
    while (keep && answered < in_.size() && out.text.size() < gathered_max && out.body.bytes.empty())
    {
        std::string_view bytes = std::string_view(in_).substr(answered);
        whole_head here = read_whole(bytes);
        if (!here.good) break;
        request& r = *here.good;
        r.arrived = heard_at_ = rules_.clock.steady();
        response_context c{r, from_, out, {r.is_head(), r.keep_alive && !rules_.draining, r.minor}};
        needs_time = !rules_.answers.answer_now(c);
        head_size_ = here.size;
        if (needs_time) break;
        answered += here.size;
        keep = c.mode.keep_alive;
    }
    in_.erase(0, answered);
    return keep;
}

// The request at the front of `bytes`, if its head is whole and good, and it has no body.
whole_head session::read_whole(std::string_view bytes)
{
    std::size_t size_max = rules_.limits().header_bytes_max;
    whole_head here = last_head_.read(bytes);
    if (here.good && here.size <= size_max) return here;
    head_scanner scanner(head_kind::request, size_max);
    if (scanner.scan(bytes) != head_scanner::progress::complete) return {};
    std::string_view head = bytes.substr(0, scanner.size());
    request_or_refusal& read = front_.read;
    read = read_request_head(head, front_.fields);
    if (read.refused || read.good.body.what != framing::kind::none) return {};
    last_head_.remember(head, read.good);
    return {&read.good, head.size()};
}

// Writes as much as the system takes without waiting. True if that is all; else the rest stays in `out`.
bool session::send_at_once(outgoing& out)
{
    if (out.size() == 0) return true;
    if (tls_) return false;
    error_code error;
    std::size_t sent = out.body.bytes.empty() ? socket_.write_some(asio::buffer(out.text), error)
                                              : socket_.write_some(both_buffers(out.text, out.body.bytes), error);
    bool is_all = sent == out.size();
    if (is_all)
        out.clear();
    else
        out.drop(sent);  // an error shows again when the rest is written
    return is_all;
}

// Reads a request and answers it, whatever that takes; it is not tried at once again if it `needs_time`. False when the
// connection ends.
task<bool> session::serve_one(bool needs_time)
{
    outgoing out;
    if (!needs_time)  // else it is whole, as answer_ready() has found
    {
        bool complete = co_await read_head(out);
        if (!complete) co_return false;
    }

    // What is read of the request points into `head`; one that waits for its answer holds nothing else.
    std::string head = std::exchange(in_, in_.substr(head_size_));
    head.resize(head_size_);
    std::vector<field_view> fields;
    request_or_refusal read = last_head_.read_again(head, fields);
    if (read.refused)
    {
        co_await refuse(*read.refused, out);
        co_return false;
    }
    read.good.arrived = rules_.clock.steady();
    const request& r = read.good;
    body_ = body_decoder(r.body);
    body_bytes_ = 0;
    body_time_ = rules_.limits().idle_timeout;
    bool is_here = r.body.what != framing::kind::chunked && in_.size() >= r.body.length;
    continue_is_due_ = r.expects && in_.empty();

    // A tool that expects 100 (Continue) may never send its body: then nothing can be found behind it.
    bool readable =
        is_here || (r.body.what == framing::kind::length && r.body.length <= skipped_body_max && !r.expects);
    response_context c{r, from_, out, {r.is_head(), r.keep_alive && readable && !rules_.draining, r.minor}};
    bool answered = !needs_time && rules_.answers.answer_now(c);
    if (!answered)
    {
        expect(incoming::nothing);
        struct until_answered  // also by an exception
        {
            ~until_answered() { left = nullptr; }
            std::function<void()>& left;
        } watched{left_};
        co_await rules_.answers.answer(c, *this);
        left_ = nullptr;
        stop_reading();
    }
    bool keep = c.mode.keep_alive;  // as the answer says: a next request may be on its way
    // Before the rest of the body is read, which may take its time, or wait for the answer.
    bool written = co_await write(out);
    if (!written) co_return false;
    if (keep) keep = co_await skip_body();
    heard_at_ = rules_.clock.steady();
    co_return keep;
}

// Nothing is read while an answer is made, so a hang-up must be looked for.
void session::notice_end(std::function<void()> left)
{
    left_ = std::move(left);
    if (!left_ || std::exchange(watches_, true)) return;
    socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](error_code error) {
        self->watches_ = false;
        if (!error) self->notice_hang_up();
    });
}

// The wait may end for bytes of a next request, or for those that were read already: then each sweep looks again.
void session::notice_hang_up()
{
    if (left_ && !watches_ && end_of_tool() != 0) std::exchange(left_, nullptr)();
}

bool session::is_half_closed() const
{
    return end_of_tool() == POLLRDHUP;
}

// POLLRDHUP if it has closed its own side; POLLHUP or POLLERR too once there is nobody to write to.
short session::end_of_tool() const
{
    pollfd p{const_cast<tcp_socket&>(socket_).native_handle(), POLLRDHUP, 0};
    return poll(&p, 1, 0) > 0 ? p.revents : short(0);
}

// For the first bytes of a request.
void session::wait_for_first()
{
    if (in_.capacity() > first_read_bytes) std::string().swap(in_);  // one that waits holds little
    expect(incoming::request, heard_at_ + (rules_.draining ? drain_grace : rules_.limits().idle_timeout));
}

// Reads until a whole head stands at the front of `in_`. False if none comes, or it is refused.
task<bool> session::read_head(outgoing& out)
{
    in_.erase(0, std::exchange(used_, 0));
    is_head_ = false;
    head_scanner scanner(head_kind::request, rules_.limits().header_bytes_max);
    bool begun = false, forgiven = false;
    expect(incoming::request, rules_.draining ? drain_grace : rules_.limits().idle_timeout);
    for (;;)
    {
        // One empty line before a request is forgiven (RFC 9112, section 2.2); a second is not, however it arrives.
        if (!begun && in_.starts_with("\r\n") && !std::exchange(forgiven, true)) in_.erase(0, 2);
        bool nothing = in_.empty() || (!begun && in_ == "\r");
        is_head_ = in_.starts_with("HEAD ");
        if (!nothing)
        {
            auto progress = scanner.scan(in_);
            head_size_ = scanner.size();
            if (progress == head_scanner::progress::complete) co_return true;
            if (progress == head_scanner::progress::refused)
            {
                refused_head why = scanner.refused();
                if (!tls_ && in_.front() == tls_handshake_record)
                {
                    why.text = "this address speaks no TLS: the base URL begins with http://, and not with https://";
                    warn_of_tool(
                        "a tool speaks TLS to an address without it: its base URL must begin with http://, and "
                        "not with https://",
                        "there is no certificate (server.tls_certificate_file)");
                }
                co_await refuse(why, out);
                co_return false;
            }
        }
        if (!nothing && !begun) expect(incoming::head, rules_.limits().header_timeout);
        begun = !nothing;
        be_idle();  // a head that has begun is no request yet: its connection gives way too
        std::size_t bytes = co_await read_more(read_bytes);
        be_busy();
        if (waits_.is_late() && waits_.what() == incoming::head)
        {
            refused_head late{408, "no complete head within " + std::to_string(rules_.limits().header_timeout.count()) +
                                       " ms (server.header_timeout)"};
            co_await refuse(late, out);
            co_return false;
        }
        if (bytes == 0) co_return false;
    }
}

// False if nothing more will come.
task<bool> session::wait_for_more()
{
    if (in_.empty()) std::string().swap(in_);
    if (tls_)
    {
        bool has_come = co_await tls_->wait_for_data();
        co_return has_come;
    }
    auto [error] = co_await socket_.async_wait(tcp_socket::wait_read, as_result);
    co_return !error;
}

// 0 if nothing more will come. Thousands may wait for it, so much room is made only once something has come.
task<std::size_t> session::read_more(std::size_t at_most)
{
    if (at_most > first_read_bytes)
    {
        bool has_come = co_await wait_for_more();
        if (!has_come) co_return 0;
    }
    std::size_t bytes = 0;
    std::span<char> room = make_room(at_most);
    if (tls_)
        bytes = co_await tls_->read_some(room);
    else
    {
        auto [error, come] = co_await socket_.async_read_some(asio::buffer(room.data(), room.size()), as_result);
        if (!error) bytes = come;
    }
    give_back_room(at_most - bytes);
    co_return bytes;
}

// Behind what has been received.
std::span<char> session::make_room(std::size_t bytes)
{
    in_.resize(in_.size() + bytes);
    return std::span<char>(in_).last(bytes);
}

void session::give_back_room(std::size_t bytes)
{
    in_.resize(in_.size() - bytes);
}

task<body_piece> session::read_body()
{
    if (std::exchange(continue_is_due_, false))
    {
        std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await write(interim);
    }
    for (;;)
    {
        if (body_.is_done()) co_return body_piece{};
        auto p = body_.take(std::string_view(in_).substr(used_));
        used_ += p.taken;
        if (!p.data.empty()) co_return body_piece{p.data, {}};
        if (auto* why = body_.refused())
            co_return body_piece{{}, refused_head{400, "the body of the request is malformed: " + *why}};
        if (p.taken > 0) continue;

        in_.erase(0, std::exchange(used_, 0));
        // Only while we wait for the tool its time runs, and a trickle does not wind it up.
        steady_time before = rules_.clock.steady();
        expect(incoming::body, before + body_time_);
        std::size_t bytes = co_await read_more(body_read_bytes);
        bool is_late = waits_.is_late();
        expect(incoming::nothing);
        body_time_ -= rules_.clock.steady() - before;
        body_bytes_ += bytes;
        if (body_bytes_ >= body_progress_bytes)
        {
            body_bytes_ = 0;
            body_time_ = rules_.limits().idle_timeout;
        }
        if (is_late)
            co_return body_piece{{},
                                 refused_head{408, "the body of the request comes too slowly (server.idle_timeout)"}};
        if (bytes == 0) co_return body_piece{{}, refused_head{0, "the tool has gone"}};
    }
}

void session::stop_reading()
{
    error_code ignored;
    socket_.cancel(ignored);
}

// A lookup has no use for a body; it is read so that the next request can be found behind it.
task<bool> session::skip_body()
{
    body_time_ = rules_.limits().header_timeout;
    continue_is_due_ = false;
    for (std::size_t skipped = 0; !body_.is_done();)
    {
        body_piece p = co_await read_body();
        skipped += p.data.size();
        if (p.refused || skipped > skipped_body_max) co_return false;
    }
    in_.erase(0, std::exchange(used_, 0));
    co_return true;
}

// Leaves `text` empty. `body` is kept alive by whoever waits for this.
task<bool> session::write(std::string& text, std::string_view body)
{
    if (text.empty() && body.empty()) co_return true;
    continue_is_due_ = false;  // an interim answer may not come into or after the final one
    waits_.begin_write(rules_.clock.steady() + rules_.limits().idle_timeout);
    front_.sweep_due = std::min(front_.sweep_due, waits_.next_look());
    bool written = false;
    if (tls_)
    {
        written = co_await tls_->write(text);
        if (written) written = co_await tls_->write(body);
    }
    else
    {
        auto [error, bytes] = co_await asio::async_write(socket_, both_buffers(text, body), as_result);
        written = !error;
    }
    waits_.end_write();
    text.clear();
    if (text.capacity() > kept_bytes_max) text.shrink_to_fit();
    co_return written;
}

task<bool> session::write_long(outgoing& out)
{
    struct reading  // also by an exception
    {
        ~reading() { all.end(place); }
        unread_bodies& all;
        const unread_bodies::place place;
    } here{front_.unread,
           front_.unread.begin(
               out.body, rules_.clock.steady(), [this] { return acknowledged_bytes_of(socket_.native_handle()); },
               [this] { cut_off(); })};
    bool written = co_await write(out.text, out.body.bytes);
    co_return written;
}

void session::cut_off()
{
    warn_of_tool("a tool was cut off in the middle of an answer that it did not read",
                 "tools' unread answers had filled "
                 "their part of the memory (cache.memory_max)");
    abort();
}

void session::warn_of_tool(std::string_view text, std::string_view why)
{
    error_code gone;
    rules_.answers.warn_of_tool(text, why, socket_.remote_endpoint(gone).address().to_string());
}

// A connection that is closed while something unread has come is reset, and the tool may lose the answer that it has
// not read yet: so we stop writing first, and read on until the tool closes (RFC 9112, section 9.6).
task<void> session::part()
{
    expect(incoming::farewell, farewell_max);
    if (tls_) co_await tls_->say_end();
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (ignored) co_return;
    for (std::size_t read = 0; read < farewell_bytes_max;)
    {
        in_.resize(read_bytes);
        // As it comes, with TLS too: it is thrown away.
        auto [error, bytes] = co_await socket_.async_read_some(asio::buffer(in_), as_result);
        if (error) break;
        read += bytes;
    }
    socket_.close(ignored);
}

}  // namespace callcache
