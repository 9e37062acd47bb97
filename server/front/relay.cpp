#include "server/front/relay.hpp"

#include "server/front/upload.hpp"
#include "server/http/cache_status.hpp"
#include "server/upstream/answer_reader.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using report = relay_report;
using order = relay_order;
using namespace std::chrono_literals;

constexpr std::size_t held_body_max = 64 << 10;  // so much is read before the turn, and can be sent again
constexpr std::size_t usual_head_bytes = 1000;
constexpr int acknowledgement_looks = 33;  // a margin apart

// The body before the turn.
struct held_body
{
    std::string bytes;
    bool is_whole = false;
    std::optional<refused_head> refused;
};

task<held_body> hold(const passing& p)
{
    held_body held;
    const framing& body = p.asked.body;
    if (body.length > p.config->server.request_body_max)
    {
        held.refused = too_large(*p.config);
        co_return held;
    }
    if (body.length > held_body_max) co_return held;  // a tool that waits for 100 keeps it until it is its turn
    while (held.bytes.size() <= held_body_max)
    {
        body_piece piece = co_await p.with.read_body();
        held.refused = std::move(piece.refused);
        held.is_whole = !held.refused && piece.data.empty();
        if (held.refused || held.is_whole) break;
        held.bytes += piece.data;
    }
    co_return held;
}

// The fetch loop is told of a safe request's answer after the tool has received it, as waking a thread takes time.
void tell(const relay_ptr& c, report r)
{
    if (!c->is_read || !c->is_whole) return c->reports.send(std::move(r));
    asio::post(c->home, [c, r = std::move(r)]() mutable { c->reports.send(std::move(r)); });
}

// Whatever happens to the front's coroutine, the fetcher hears of its end.
struct says_over
{
    explicit says_over(relay_ptr with) : c(std::move(with)) {}
    ~says_over()
    {
        report r{report::what::over};
        r.connection = std::move(reusable);
        tell(c, std::move(r));
    }
    says_over(const says_over&) = delete;
    says_over& operator=(const says_over&) = delete;

    relay_ptr c;
    std::unique_ptr<transport> reusable;  // the connection, if it is
};

void write_answer_head(std::string& out, const answer_head& a, const passing& p, bool chunked)
{
    out.reserve(usual_head_bytes);
    out += "HTTP/1.1 " + std::to_string(a.status) + " " + a.reason + "\r\n";
    bool dated = false;
    for (const field& f : a.fields)
    {
        dated = dated || equals_lower(f.first, "date");
        out.append(f.first).append(": ").append(f.second).append("\r\n");
    }
    if (!dated) out += "Date: " + http_date(p.clock.wall()) + "\r\n";
    cache_status status;
    status.forwarded = p.asked.is_safe() ? "bypass" : "method";
    status.forwarded_status = a.status;
    status.detail = word(outcome::pass);
    out += "Cache-Status: " + to_field(status) + "\r\nVia: 1.1 callcache\r\n";
    if (a.body.what == framing::kind::length) out += "Content-Length: " + std::to_string(a.body.length) + "\r\n";
    if (chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!p.mode.keep_alive)
        out += "Connection: close\r\n";
    else if (p.mode.minor == 0)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
}

// What passes by, up to a bound beyond which it is nothing.
struct copy_of_answer
{
    bool wanted = false;
    std::string bytes = {};

    void add(std::string_view data)
    {
        wanted = wanted && bytes.size() + data.size() <= bulk_answer_bytes_max;
        if (wanted)
            bytes += data;
        else
            std::string().swap(bytes);
    }
};

// Hands the answer on. False if it broke off; then the tool's connection has been ended, or the tool is gone.
task<bool> stream_answer(const passing& p, answer_reader& reader, const answer_head& a, std::shared_ptr<watchdog> dog,
                         std::string& out, upstream_failure& why, copy_of_answer& copy)
{
    bool sized = a.body.what == framing::kind::none || a.body.what == framing::kind::length;
    bool chunked = !sized && p.mode.minor >= 1 && !(p.asked.is_head() && a.body.what == framing::kind::until_close);
    bool has_body = a.body.what != framing::kind::none && !p.asked.is_head();
    p.mode.keep_alive = p.asked.keep_alive && p.with.is_body_read() && (sized || chunked || p.asked.is_head());
    write_answer_head(out, a, p, chunked);
    while (has_body)
    {
        auto piece = co_await reader.read_body();
        if (auto* failure = std::get_if<upstream_failure>(&piece))
        {
            why = dog->has_bitten() ? upstream_failure{failing::slow, "no progress (upstream.pass_timeout)"} : *failure;
            bool told = co_await p.with.write(out);
            if (told) p.with.break_off();
            p.mode.keep_alive = false;
            co_return false;
        }
        std::string_view data = std::get<std::string_view>(piece);
        if (data.empty()) break;
        dog->moved(data.size());
        copy.add(data);
        if (chunked)
            write_chunk(out, data);
        else
            out += data;
        tools_turn waits(dog);
        bool written = co_await p.with.write(out);
        if (written) continue;
        why = {failing::unsent, "the tool has gone"};
        p.mode.keep_alive = false;
        co_return false;
    }
    if (chunked && has_body) write_last_chunk(out, reader.trailers());
    co_return true;
}

std::string framed_head(const passing& p, const lookup& l, const held_body& held)
{
    std::string head = forwarded_head(p.asked, p.to.target, p.upstream.authority(), l.authorization);
    bool chunked = p.asked.body.what == framing::kind::chunked && (!held.is_whole || !p.with.trailers().empty());
    bool usually_has_one = p.asked.method == "POST" || p.asked.method == "PUT" || p.asked.method == "PATCH";
    std::uint64_t length = held.is_whole ? held.bytes.size() : p.asked.body.length;
    if (chunked)
        head += "Transfer-Encoding: chunked\r\n";
    else if (length > 0 || usually_has_one || p.asked.body.what != framing::kind::none)
        head += "Content-Length: " + std::to_string(length) + "\r\n";
    head += "\r\n";
    if (!held.is_whole) return head;
    if (chunked && !held.bytes.empty())
        write_chunk(head, held.bytes);
    else
        head += held.bytes;
    if (chunked) write_last_chunk(head, p.with.trailers());
    return head;
}

// Tells the fetch loop when the head has arrived, since a balancer on the way may hold a long body back.
task<void> see_head_arrive(const passing& p, transport& connection, relay_ptr c)
{
    bool arrived = connection.is_acknowledged();
    for (int look = 0; look < acknowledgement_looks && !arrived; ++look)
    {
        co_await sleep_until(p.clock, p.clock.steady() + p.config->budget.margin);
        arrived = connection.is_acknowledged();
    }
    if (arrived) c->reports.send({report::what::acknowledged});
}

// For as long as the fetcher is waited for: it is told when the tool has gone.
void notice_end(const passing& p, const lookup& l)
{
    p.with.notice_end([&misses = p.misses, asker = l.asker] { misses.left(asker); });
}

struct attempt
{
    bool done = false;
    bool is_reusable = false;  // the connection
    passed end;
};

// Sends it on a connection that is ready, and hands the answer on, if the fetcher says so.
task<attempt> send(const passing& p, const lookup& l, relay_ptr c, const held_body& held, transport& connection,
                   std::string& out)
{
    executor ex = co_await asio::this_coro::executor;
    auto dog = std::make_shared<watchdog>(ex, p.clock, p.config->upstream.pass_timeout, connection);
    auto begins = [&] {
        report r{report::what::begins};
        r.round_trip = connection.least_round_trip();
        tell(c, std::move(r));
    };
    answer_reader reader(connection, begins);
    // A server may answer before it has read everything, and close: its answer counts. So a failed write is not the
    // end.
    const std::string message = framed_head(p, l, held);
    auto [write_error, written] = co_await connection.write(message);
    std::shared_ptr<upload> up;
    if (!held.is_whole)
    {
        co_await see_head_arrive(p, connection, c);
        up = std::make_shared<upload>(p, c, connection, dog, ex);
        up->out = held.bytes;
        asio::co_spawn(ex, upload::run(up), asio::detached);
    }
    attempt a;
    auto head = co_await reader.read_head(p.asked.is_head());
    if (auto* failure = std::get_if<upstream_failure>(&head))
    {
        if (up) co_await up->stop();
        if (dog->has_bitten()) *failure = {failing::slow, "no answer in time (upstream.pass_timeout)"};
        if (up && up->refused)
        {
            a.done = true;
            a.end.word = outcome::error;
            if (up->refused->status != 0) a.end.own = own_answer(up->refused->status, up->refused->text);
            p.mode.keep_alive = false;
            *failure = {failing::unsent, "the tool's body was not whole"};
        }
        report r{report::what::failed};
        r.failure = *failure;
        tell(c, std::move(r));
        co_return a;
    }
    auto& read = std::get<answer_head>(head);
    dog->moved(progress_bytes);
    auto value_of = [&](std::string_view name) {
        std::optional<std::string> value;
        for (const field& f : read.fields)
            if (equals_lower(f.first, name)) value = f.second;
        return value;
    };
    report r{report::what::answered};
    r.status = read.status;
    r.retry_after = value_of("retry-after");
    r.remaining = value_of("x-ratelimit-remaining");
    for (const field& f : read.fields)
        if (equals_lower(f.first, "location") || equals_lower(f.first, "content-location"))
            r.locations.push_back(f.second);
    bool may_be_sent_again = read.status == 429 && c->is_whole, waits = may_be_sent_again || !c->is_read;
    r.waits = waits;
    tell(c, std::move(r));
    if (waits)
    {
        if (may_be_sent_again) notice_end(p, l);
        order o = co_await c->orders.next();
        if (may_be_sent_again && o.next != order::what::hand_on)
        {
            c->orders.send(std::move(o));  // of the next turn, or a refusal
            co_return a;
        }
        p.with.notice_end(nullptr);
    }
    a.done = true;
    a.end.status = read.status;
    upstream_failure why;
    copy_of_answer copy{c->brings && (read.status == 200 || read.status == 404)};
    bool whole = co_await stream_answer(p, reader, read, dog, out, why, copy);
    if (up) co_await up->stop();
    if (!whole)
    {
        report broken{report::what::failed};
        broken.failure = why;
        tell(c, std::move(broken));
    }
    else if (copy.wanted)
    {
        report brought{report::what::brought};
        upstream_answer answer{read.status, read.fields, std::move(copy.bytes)};
        brought.answer = std::make_shared<const upstream_answer>(std::move(answer));
        tell(c, std::move(brought));
    }
    // As in exchange(): not one on which a body may still come for an answer that should have none; nor one whose other
    // end may not have read the body of a request that usually has none, and would take it for the next request.
    bool bodiless = p.asked.is_head() || read.status == 204 || read.status == 304;
    bool unusual = p.asked.is_safe() && !held.bytes.empty();
    a.is_reusable = whole && !up && !write_error && !bodiless && !unusual && reader.is_reusable();
    co_return a;
}

}  // namespace

std::string forwarded_head(const request& r, std::string_view target, std::string_view authority,
                           std::string_view authorization)
{
    // What may be kept must not come in a coding that only this tool asked for.
    bool brings_calls = calls_brought_by(r.method, target).has_value();
    auto is_ours_to_say = [&](std::string_view name) {
        return equals_lower(name, "host") || equals_lower(name, "authorization") || equals_lower(name, "expect") ||
               (brings_calls && equals_lower(name, "accept-encoding")) ||
               (r.max_forwards && equals_lower(name, "max-forwards"));
    };
    std::string head;
    head.reserve(usual_head_bytes);
    head.append(r.method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(authority);
    head.append("\r\nAuthorization: ").append(authorization).append("\r\n");
    if (brings_calls) head += "Accept-Encoding: identity\r\n";
    // RFC 9110, section 7.6.2
    if (r.max_forwards) head.append("Max-Forwards: ").append(std::to_string(*r.max_forwards - 1)).append("\r\n");
    for (const field_view& f : r.fields)
        if (!is_ours_to_say(f.name) && !is_hop_by_hop(f.name, r.fields))
            head.append(f.name).append(": ").append(f.value).append("\r\n");
    head += r.minor == 0 ? "Via: 1.0 callcache\r\n" : "Via: 1.1 callcache\r\n";
    return head;
}

task<passed> pass_through(passing p, lookup l, std::string& out)
{
    executor ex = co_await asio::this_coro::executor;
    held_body held = co_await hold(p);
    if (held.refused)
    {
        p.mode.keep_alive = false;
        passed end;
        end.word = outcome::error;
        if (held.refused->status != 0) end.own = own_answer(held.refused->status, held.refused->text);
        co_return end;
    }
    p.mode.keep_alive = p.asked.keep_alive && held.is_whole;
    auto c = std::make_shared<relay>(ex, p.misses.loop(), held.is_whole, p.asked.is_safe(),
                                     calls_brought_by(p.asked.method, p.to.target));
    p.misses.relay(l, changed_by(p.asked.is_safe(), p.to.target, p.config->cache.routes), c);
    if (p.misses.loop() != ex) c->orders.stay_awake(p.clock);
    says_over at_the_end(c);
    std::unique_ptr<transport> connection;
    std::shared_ptr<asio::ssl::context> made_with;
    for (;;)
    {
        if (!c->orders.is_one_on_its_way()) notice_end(p, l);
        order o = co_await c->orders.next();
        switch (o.next)
        {
        case order::what::refused:
        {
            passed end;
            end.word = o.word;
            if (o.refusal) end.own = *o.refusal;
            co_return end;
        }
        case order::what::connect:
        {
            notice_end(p, l);
            if (connection && o.to->tls == made_with && connection->is_quiet())
            {
                c->reports.send({report::what::ready});
                break;
            }
            connection.reset();
            made_with = o.to->tls;
            auto made = co_await connect(*o.to, p.clock, p.clock.steady() + p.config->upstream.connect_timeout);
            report r{report::what::ready};
            if (auto* failure = std::get_if<upstream_failure>(&made))
            {
                r.happened = report::what::failed;
                r.failure = *failure;
            }
            else
                connection = std::move(std::get<std::unique_ptr<transport>>(made));
            c->reports.send(std::move(r));
            break;
        }
        case order::what::send:
        {
            if (o.connection) connection = std::move(o.connection);
            p.with.notice_end(nullptr);
            attempt a = co_await send(p, l, c, held, *connection, out);
            if (a.is_reusable)
                at_the_end.reusable = std::move(connection);
            else
                connection->close();
            connection.reset();
            if (a.done) co_return a.end;
            break;
        }
        case order::what::wait:
        case order::what::hand_on: break;
        }
    }
}

}  // namespace callcache
