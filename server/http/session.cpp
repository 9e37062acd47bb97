#include "server/http/session.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <poll.h>

#include <utility>
#include <vector>

namespace callcache
{
namespace
{

namespace http = boost::beast::http;

constexpr std::size_t read_bytes = 4096;
constexpr std::size_t body_read_bytes = 64 << 10;
constexpr std::size_t body_progress_bytes = 1 << 10;  // at least so much of a body in an idle_timeout
constexpr std::size_t kept_bytes_max = 32 << 10;      // a buffer that grew beyond it is given back
constexpr std::size_t gathered_max = 64 << 10;        // answers to pipelined requests, written at once
constexpr std::size_t skipped_body_max = 64 << 10;    // a longer body is not read to keep a connection
constexpr std::size_t farewell_bytes_max = 1 << 20;
constexpr milliseconds farewell_max = 2s;

// A request's head, as Beast's parser tells it: the fields in their order, without copies.
class head_parser final : public http::basic_parser<true>
{
public:
    std::string_view method, target;
    int minor = 1;
    std::vector<field_view> fields;

private:
    using text = boost::beast::string_view;
    static std::string_view view(text t) { return {t.data(), t.size()}; }

    void on_request_impl(http::verb, text m, text t, int version, error_code&) override
    {
        method = view(m);
        target = view(t);
        minor = version % 10;
    }
    void on_field_impl(http::field, text name, text value, error_code&) override
    {
        fields.push_back({view(name), view(value)});
    }
    void on_response_impl(int, text, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(text, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}
};

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
    read_overdue_ = what == waiting_for::nothing ? steady_time::max() : rules_.clock.steady() + at_most;
}

void session::sweep(steady_time now)
{
    notice_hang_up();
    if (now >= write_overdue_) return abort();
    if (now < read_overdue_) return;
    read_overdue_ = steady_time::max();
    timed_out_ = true;
    bool is_writing = write_overdue_ != steady_time::max();
    if ((waiting_ == waiting_for::head || waiting_ == waiting_for::body) && !is_writing)
        stop_reading();  // and not the connection: a word is owed
    else
        abort();
}

void session::drain()
{
    if (rules_.draining && (waiting_ == waiting_for::request || waiting_ == waiting_for::handshake)) abort();
}

void session::abort()
{
    error_code ignored;
    socket_.close(ignored);
}

task<void> session::run(std::shared_ptr<session> self)
{
    std::string out;
    try
    {
        bool go_on = co_await self->secure(out);
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
    // It has a name, as GCC 12 destroys an aggregate within an awaited expression twice.
    const refused_head full{503, "too many connections (server.connections_max)", 1};
    bool secured = co_await self->secure(out);
    if (secured) co_await self->refuse(full, out);
    co_await self->part();
}

// The handshake, where there is TLS. False if the connection ends with it.
task<bool> session::secure(std::string& out)
{
    if (!rules_.tls) co_return true;
    tls_ = std::make_unique<tls_stream>(rules_.tls->current(), socket_);
    wait_for(waiting_for::handshake, rules_.limits().header_timeout);
    auto greeted = co_await tls_->handshake();
    if (greeted == tls_stream::greeting::plain_http)
    {
        tls_.reset();
        const refused_head plain{400, "this address speaks TLS alone (server.tls_certificate_file): use https://"};
        co_await refuse(plain, out);
    }
    co_return greeted == tls_stream::greeting::done;
}

task<void> session::refuse(const refused_head& why, std::string& out)
{
    rules_.answers.refuse(why, is_head_, out);
    co_await write(out);
}

// Reads a request and answers it. False when the connection ends.
task<bool> session::serve_one(std::string& out)
{
    bool complete = co_await read_head(out);
    if (!complete) co_return false;

    const std::string head = in_.substr(0, head_size_);  // what is read of the request points into it
    head_parser parser;
    parser.header_limit(std::uint32_t(head_size_));
    parser.body_limit(boost::none);  // no body is given to it
    error_code error;
    parser.put(asio::buffer(head), error);
    request_or_refusal read;
    if (error)
        read.refused = refused_head{400, "the head is malformed: " + error.message()};
    else
        read = read_request(parser.method, parser.target, parser.minor, parser.fields);
    if (read.refused)
    {
        co_await refuse(*read.refused, out);
        co_return false;
    }
    read.good.arrived = rules_.clock.steady();
    const request& r = read.good;
    in_.erase(0, head_size_);
    body_ = body_decoder(r.body);
    body_bytes_ = 0;
    body_time_ = rules_.limits().idle_timeout;
    bool is_here = r.body.what != framing::kind::chunked && in_.size() >= r.body.length;
    continue_is_due_ = r.expects && in_.empty();

    // A tool that expects 100 (Continue) may never send its body: then nothing can be found behind it.
    bool readable =
        is_here || (r.body.what == framing::kind::length && r.body.length <= skipped_body_max && !r.expects);
    reply_mode mode{r.is_head(), r.keep_alive && readable && !rules_.draining, r.minor};
    bool answered = rules_.answers.answer_now(r, mode, remembered_, out);
    if (!answered)
    {
        bool written = co_await write(out);  // nobody waits for an answer that is ready
        if (!written) co_return false;
        wait_for(waiting_for::nothing, {});
        mode.keep_alive = mode.keep_alive && !rules_.draining;
        watch();
        co_await rules_.answers.answer(r, mode, remembered_, *this, out);
        left = nullptr;
        stop_reading();
    }
    bool keep = mode.keep_alive && !rules_.draining;
    if (!body_.is_done() && !is_here)
    {
        bool written = co_await write(out);  // the body may take its time, or wait for the answer
        if (!written) co_return false;
    }
    if (keep) keep = co_await skip_body();
    // Answers to pipelined requests that are here already are gathered and written at once.
    bool more_is_here = keep && in_.find("\r\n\r\n", used_) != std::string::npos && out.size() < gathered_max;
    if (!more_is_here)
    {
        bool written = co_await write(out);
        if (!written) co_return false;
    }
    co_return keep;
}

// Nothing is read while an answer is made, so a hang-up must be looked for.
void session::watch()
{
    socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](error_code error) {
        if (!error) self->notice_hang_up();
    });
}

// The wait may end for bytes of a next request, or for those that were read already: so each sweep looks again.
void session::notice_hang_up()
{
    if (!left) return;
    pollfd p{socket_.native_handle(), POLLRDHUP, 0};
    if (poll(&p, 1, 0) > 0) std::exchange(left, nullptr)();
}

// Reads until a whole head stands at the front of `in_`. False if none comes, or it is refused.
task<bool> session::read_head(std::string& out)
{
    in_.erase(0, std::exchange(used_, 0));
    is_head_ = false;
    head_scanner scanner(head_kind::request, rules_.limits().header_bytes_max);
    bool begun = false, forgiven = false;
    wait_for(waiting_for::request, rules_.limits().idle_timeout);
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
                co_await refuse(scanner.refused(), out);
                co_return false;
            }
        }
        if (nothing && rules_.draining) co_return false;
        if (!nothing && !begun) wait_for(waiting_for::head, rules_.limits().header_timeout);
        begun = !nothing;
        std::size_t bytes = co_await read_more(read_bytes);
        if (timed_out_ && waiting_ == waiting_for::head)
        {
            refused_head late{408, "no complete head within " + std::to_string(rules_.limits().header_timeout.count()) +
                                       " ms (server.header_timeout)"};
            co_await refuse(late, out);
            co_return false;
        }
        if (bytes == 0) co_return false;
    }
}

// 0 if nothing more will come.
task<std::size_t> session::read_more(std::size_t at_most)
{
    std::size_t before = in_.size(), bytes = 0;
    in_.resize(before + at_most);
    std::span<char> room(in_.data() + before, at_most);
    if (tls_)
        bytes = co_await tls_->read_some(room);
    else
    {
        auto [error, come] = co_await socket_.async_read_some(asio::buffer(room.data(), room.size()), as_result);
        if (!error) bytes = come;
    }
    in_.resize(before + bytes);
    co_return bytes;
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
        waiting_ = waiting_for::body;
        read_overdue_ = before + body_time_;
        std::size_t bytes = co_await read_more(body_read_bytes);
        wait_for(waiting_for::nothing, {});
        body_time_ -= rules_.clock.steady() - before;
        body_bytes_ += bytes;
        if (body_bytes_ >= body_progress_bytes)
        {
            body_bytes_ = 0;
            body_time_ = rules_.limits().idle_timeout;
        }
        if (std::exchange(timed_out_, false))
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

task<bool> session::write(std::string& out)
{
    if (out.empty()) co_return true;
    write_overdue_ = rules_.clock.steady() + rules_.limits().idle_timeout;
    bool written = false;
    if (tls_)
        written = co_await tls_->write(out);
    else
    {
        auto [error, bytes] = co_await asio::async_write(socket_, asio::buffer(out), as_result);
        written = !error;
    }
    write_overdue_ = steady_time::max();
    out.clear();
    if (out.capacity() > kept_bytes_max) out.shrink_to_fit();
    if (in_.empty() && in_.capacity() > kept_bytes_max) in_.shrink_to_fit();
    co_return written;
}

// A connection that is closed while something unread has come is reset, and the tool may lose the answer that it has
// not read yet: so we stop writing first, and read on until the tool closes (RFC 9112, section 9.6).
task<void> session::part()
{
    wait_for(waiting_for::farewell, farewell_max);
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
