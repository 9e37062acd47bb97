#include "server/http/session.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <poll.h>

#include <utility>
#include <vector>

namespace callcache
{
namespace
{

namespace http = boost::beast::http;

constexpr std::size_t read_bytes = 4096;
constexpr std::size_t kept_bytes_max = 32 << 10;    // a buffer that grew beyond it is given back
constexpr std::size_t gathered_max = 64 << 10;      // answers to pipelined requests, written at once
constexpr std::size_t skipped_body_max = 64 << 10;  // a longer body is not read to keep a connection
constexpr std::size_t farewell_bytes_max = 1 << 20;
constexpr milliseconds farewell_max = 2s;

std::string_view view(boost::beast::string_view text)
{
    return {text.data(), text.size()};
}

}  // namespace

session::session(tcp_socket socket, front& f, session_rules& rules) :
    socket_(std::move(socket)),
    front_(f),
    rules_(rules),
    place_(f.sessions.insert(f.sessions.end(), this))
{
    ++rules_.open;
}

session::~session()
{
    front_.sessions.erase(place_);
    --rules_.open;
}

void session::wait_for(waiting_for what, milliseconds at_most)
{
    waiting_ = what;
    overdue_ = rules_.clock.steady() + at_most;
}

void session::sweep(steady_time now)
{
    notice_hang_up();
    if (now < overdue_) return;
    overdue_ = steady_time::max();
    timed_out_ = true;
    if (waiting_ == waiting_for::head)
    {
        // Ends the read and not the connection: a word is owed.
        error_code ignored;
        socket_.cancel(ignored);
    }
    else
        abort();
}

void session::drain()
{
    if (rules_.draining && waiting_ == waiting_for::request) abort();
}

void session::abort()
{
    error_code ignored;
    socket_.close(ignored);
}

task<void> session::run(std::shared_ptr<session> self)
{
    std::string out;
    bool go_on = true;
    try
    {
        while (go_on) go_on = co_await self->serve_one(out);
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
    std::string out;
    self->rules_.answers.refuse({503, "too many connections (server.connections_max)", 1}, out);
    co_await self->flush(out);
    co_await self->part();
}

// Reads a request and answers it. False when the connection ends.
task<bool> session::serve_one(std::string& out)
{
    bool complete = co_await read_head(out);
    if (!complete) co_return false;

    http::request_parser<http::empty_body> parser;
    parser.header_limit(std::uint32_t(head_size_));
    parser.body_limit(boost::none);  // no body is given to it
    error_code error;
    parser.put(asio::buffer(in_.data(), head_size_), error);
    // empty_body complains of a body that is announced; what to do with it is decided here.
    if (error == http::error::unexpected_body) error = {};
    std::vector<field_view> fields;
    const auto& message = parser.get();
    for (const auto& f : message) fields.push_back({view(f.name_string()), view(f.value())});
    request_or_refusal read;
    if (error)
        read.refused = refused_head{400, "the head is malformed: " + error.message()};
    else
        read = read_request(view(message.method_string()), view(message.target()), int(message.version()) % 10, fields);
    if (read.refused)
    {
        rules_.answers.refuse(*read.refused, out);
        co_await flush(out);
        co_return false;
    }
    const request& r = read.good;
    in_.erase(0, head_size_);

    // A tool that expects 100 (Continue) may never send its body: then nothing can be found behind it.
    bool is_here = in_.size() >= r.body.length;
    bool readable = r.body.what == framing::kind::none || (r.body.what == framing::kind::length && is_here) ||
                    (r.body.what == framing::kind::length && r.body.length <= skipped_body_max && !r.expects);
    reply_mode mode{r.is_head(), r.keep_alive && readable && !rules_.draining, r.minor};
    bool answered = rules_.answers.answer_now(r, mode, remembered_, out);
    if (!answered)
    {
        bool flushed = co_await flush(out);  // nobody waits for an answer that is ready
        if (!flushed) co_return false;
        wait_for(waiting_for::answer, 24h);
        mode.keep_alive = mode.keep_alive && !rules_.draining;
        auto here = std::make_shared<presence>();
        watch(here);
        co_await rules_.answers.answer(r, mode, remembered_, *here, out);
        here.reset();
        error_code ignored;
        socket_.cancel(ignored);
    }
    bool keep = mode.keep_alive && !rules_.draining;
    if (!is_here)
    {
        bool flushed = co_await flush(out);  // the body may take its time, or wait for the answer
        if (!flushed) co_return false;
    }
    if (keep) keep = co_await skip_body(r.body);
    // Answers to pipelined requests that are here already are gathered and written at once.
    bool more_is_here = keep && in_.find("\r\n\r\n") != std::string::npos && out.size() < gathered_max;
    if (!more_is_here)
    {
        bool flushed = co_await flush(out);
        if (!flushed) co_return false;
    }
    co_return keep;
}

// Nothing is read while an answer is made, so a hang-up must be looked for.
void session::watch(const std::shared_ptr<presence>& here)
{
    socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](error_code error) {
        if (!error) self->notice_hang_up();
    });
    here_ = here;
}

// The wait may end for bytes of a next request, or for those that were read already: so each sweep looks again.
void session::notice_hang_up()
{
    auto still = here_.lock();
    if (!still || !still->left) return;
    pollfd p{socket_.native_handle(), POLLRDHUP, 0};
    if (poll(&p, 1, 0) > 0) std::exchange(still->left, nullptr)();
}

// Reads until a whole head stands at the front of `in_`. False if none comes, or it is refused.
task<bool> session::read_head(std::string& out)
{
    head_scanner scanner(head_kind::request, rules_.limits.header_bytes_max);
    bool begun = false, forgiven = false;
    wait_for(waiting_for::request, rules_.limits.idle_timeout);
    for (;;)
    {
        // One empty line before a request is forgiven (RFC 9112, section 2.2); a second is not, however it arrives.
        if (!begun && in_.starts_with("\r\n") && !std::exchange(forgiven, true)) in_.erase(0, 2);
        bool nothing = in_.empty() || (!begun && in_ == "\r");
        if (!nothing)
        {
            auto progress = scanner.scan(in_);
            head_size_ = scanner.size();
            if (progress == head_scanner::progress::complete) co_return true;
            if (progress == head_scanner::progress::refused)
            {
                rules_.answers.refuse(scanner.refused(), out);
                co_await flush(out);
                co_return false;
            }
        }
        if (nothing && rules_.draining) co_return false;
        if (!nothing && !begun) wait_for(waiting_for::head, rules_.limits.header_timeout);
        begun = !nothing;
        std::size_t bytes = co_await read_more();
        if (timed_out_ && waiting_ == waiting_for::head)
        {
            rules_.answers.refuse({408, "no complete head within " +
                                            std::to_string(rules_.limits.header_timeout.count()) +
                                            " ms (server.header_timeout)"},
                                  out);
            co_await flush(out);
            co_return false;
        }
        if (bytes == 0) co_return false;
    }
}

// 0 if nothing more will come.
task<std::size_t> session::read_more()
{
    std::size_t before = in_.size();
    in_.resize(before + read_bytes);
    auto [error, bytes] = co_await socket_.async_read_some(asio::buffer(in_.data() + before, read_bytes), as_result);
    in_.resize(before + (error ? 0 : bytes));
    co_return error ? 0 : bytes;
}

// A lookup has no use for a body; it is read so that the next request can be found behind it.
task<bool> session::skip_body(const framing& body)
{
    std::uint64_t left = body.length;
    wait_for(waiting_for::reader, rules_.limits.header_timeout);
    while (left > 0)
    {
        std::uint64_t here = std::min<std::uint64_t>(left, in_.size());
        in_.erase(0, here);
        left -= here;
        if (left == 0) break;
        std::size_t bytes = co_await read_more();
        if (bytes == 0) co_return false;
    }
    co_return true;
}

task<bool> session::flush(std::string& out)
{
    if (out.empty()) co_return true;
    wait_for(waiting_for::reader, rules_.limits.idle_timeout);
    auto [error, bytes] = co_await asio::async_write(socket_, asio::buffer(out), as_result);
    out.clear();
    if (out.capacity() > kept_bytes_max) out.shrink_to_fit();
    if (in_.empty() && in_.capacity() > kept_bytes_max) in_.shrink_to_fit();
    co_return !error;
}

// A connection that is closed while something unread has come is reset, and the tool may lose the answer that it has
// not read yet: so we stop writing first, and read on until the tool closes (RFC 9112, section 9.6).
task<void> session::part()
{
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (ignored) co_return;
    in_.clear();
    wait_for(waiting_for::farewell, farewell_max);
    for (std::size_t read = 0; read < farewell_bytes_max;)
    {
        std::size_t bytes = co_await read_more();
        if (bytes == 0) break;
        read += bytes;
        in_.clear();
    }
    socket_.close(ignored);
}

}  // namespace callcache
