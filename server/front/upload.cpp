#include "server/front/upload.hpp"

#include "server/http/body_decoder.hpp"

namespace callcache
{
namespace
{

using report = relay_report;

}  // namespace

refused_head too_large(const settings& config)
{
    return {413, "the body is larger than " + std::to_string(config.server.request_body_max) +
                     " bytes (server.request_body_max)"};
}

task<void> upload::run(std::shared_ptr<upload> self)
{
    bool whole = co_await self->write_all();
    if (self->refused && !self->stopped) self->to.close();  // the vendor must not take it for all of it
    self->ended.send(whole);
}

task<void> upload::stop()
{
    stopped = true;
    p.with.stop_reading();
    to.close();
    c->may_finish.send(false);
    co_await ended.next();
}

void upload::take(std::string_view data)
{
    size += data.size();
    if (is_chunked())
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
        bool is_last = !is_chunked() && size == p.asked.body.length;
        if (is_last) break;
        bool good = co_await flush();
        if (!good) co_return false;
        body_piece piece;
        {
            tools_turn waits(dog);
            piece = co_await p.with.read_body();
        }
        if (size + piece.data.size() > p.config->server.request_body_max) piece.refused = too_large(*p.config);
        if (piece.refused)
        {
            refused = std::move(piece.refused);
            co_return false;
        }
        if (piece.data.empty()) break;
        take(piece.data);
    }
    if (is_chunked()) write_last_chunk(out, p.with.trailers());
    c->reports.send({report::what::last_piece});
    bool may = co_await c->may_finish.next();
    if (!may || stopped) co_return false;
    bool good = co_await flush();
    co_return good;
}

}  // namespace callcache
