#include "server/front/relay_upload.hpp"

#include "server/front/relay_head.hpp"
#include "server/http/body_decoder.hpp"

namespace callcache
{
namespace
{

using report = relay_report;

}  // namespace

refused_head body_too_large(const settings& config)
{
    return {413, "the body is larger than " + std::to_string(config.server.request_body_max) +
                     " bytes (server.request_body_max)"};
}

task<held_body> hold_body(conversation& with, const framing& body, byte_bound& held_bodies)
{
    held_body held;
    const bool is_chunked = body.what == framing::kind::chunked;
    // One that is not held stays with its tool until its turn: in the tool's hands, if that waits for 100.
    std::uint64_t most = is_chunked ? held_body_max : body.length;
    if (most > held_body_max || !held.room.take(held_bodies, most)) co_return held;
    if (!is_chunked) held.bytes.reserve(most);
    while (held.bytes.size() <= held_body_max)
    {
        body_piece piece = co_await with.read_body();
        held.refused = std::move(piece.refused);
        held.is_whole = !held.refused && piece.data.empty();
        if (held.refused || held.is_whole) break;
        held.bytes += piece.data;
    }
    held.room.keep(held.bytes.size());
    co_return held;
}

std::string forwarded_message(const relayed_request& r, std::string_view authorization, const held_body& held)
{
    const request& asked = r.asked();
    std::string head = forwarded_head(asked, r.to.target, r.upstream.authority(), authorization);
    bool chunked = r.is_chunked() && (!held.is_whole || !r.with.trailers().empty());
    bool usually_has_one = asked.method == "POST" || asked.method == "PUT" || asked.method == "PATCH";
    std::uint64_t length = held.is_whole ? held.bytes.size() : asked.body.length;
    if (chunked)
        head += "Transfer-Encoding: chunked\r\n";
    else if (length > 0 || usually_has_one || asked.body.what != framing::kind::none)
        head += "Content-Length: " + std::to_string(length) + "\r\n";
    head += "\r\n";
    if (!held.is_whole) return head;
    if (chunked && !held.bytes.empty())
        write_chunk(head, held.bytes);
    else
        head += held.bytes;
    if (chunked) write_last_chunk(head, r.with.trailers());
    return head;
}

task<void> upload::run(std::shared_ptr<upload> self)
{
    bool whole = false;
    try
    {
        whole = co_await self->write_all();
    }
    catch (const std::exception& mistake)
    {
        self->refused = refused_head{500, "a mistake in callcache: " + std::string(mistake.what())};
    }
    if (self->refused && !self->stopped) self->to.close();  // the vendor must not take it for all of it
    self->ended.send(whole);
}

task<void> upload::stop()
{
    stopped = true;
    r.with.stop_reading();
    to.close();
    c->may_finish.send(false);
    co_await ended.next();
}

void upload::take(std::string_view data)
{
    size += data.size();
    if (r.is_chunked())
        write_chunk(out, data);
    else
        out += data;
}

task<bool> upload::flush()
{
    auto moved = co_await to.write(out);
    dog->moved(out.size());
    out.clear();
    co_return !moved.error && !stopped;
}

task<bool> upload::write_all()
{
    std::string held = std::exchange(out, {});
    if (!held.empty()) take(held);
    for (;;)
    {
        bool is_last = !r.is_chunked() && size == r.asked().body.length;
        if (is_last) break;
        bool good = co_await flush();
        if (!good) co_return false;
        body_piece piece;
        {
            tools_turn waits(dog);
            piece = co_await r.with.read_body();
        }
        if (size + piece.data.size() > r.config->server.request_body_max) piece.refused = body_too_large(*r.config);
        if (piece.refused)
        {
            refused = std::move(piece.refused);
            co_return false;
        }
        if (piece.data.empty()) break;
        take(piece.data);
    }
    if (r.is_chunked()) write_last_chunk(out, r.with.trailers());
    c->reports.send({report::what::last_piece});
    bool may = co_await c->may_finish.next();
    if (!may || stopped) co_return false;
    is_written = co_await flush();
    co_return is_written;
}

}  // namespace callcache
