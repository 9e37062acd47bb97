#include "server/front/relay_answer.hpp"

#include "server/front/relay_head.hpp"

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

// Up to its own bound and that of all copies, beyond which there is none.
void add_to_copy(streamed& s, std::string_view data, byte_bound& all)
{
    if (!s.copy) return;
    if (s.copy->size() + data.size() <= bulk_answer_bytes_max && s.copy_room.take(all, data.size()))
    {
        *s.copy += data;
        return;
    }
    s.copy.reset();
    s.copy_room.keep(0);
}

}  // namespace

task<streamed> stream_answer(const relayed_request& r, answer_reader& reader, const answer_head& a,
                             std::shared_ptr<watchdog> dog, bool wants_copy)
{
    const request& asked = r.asked();
    reply_mode& mode = r.context.mode;
    std::string& out = r.context.out.text;
    streamed s;
    if (wants_copy) s.copy.emplace();
    bool sized = a.body.what == framing::kind::none || a.body.what == framing::kind::length;
    bool chunked = !sized && mode.minor >= 1 && !(asked.is_head() && a.body.what == framing::kind::until_close);
    bool has_body = a.body.what != framing::kind::none && !asked.is_head();
    mode.keep_alive = asked.keep_alive && r.with.is_body_read() && (sized || chunked || asked.is_head());
    write_answer_head(r.context, a, chunked, r.clock.wall());
    while (has_body)
    {
        auto piece = co_await reader.read_body();
        if (auto* failure = std::get_if<upstream_failure>(&piece))
        {
            s.broke_off = dog->has_bitten()
                              ? upstream_failure{failure_kind::slow, "no progress (upstream.pass_timeout)"}
                              : *failure;
            bool told = co_await r.with.write(out);
            if (told) r.with.break_off();
            break;
        }
        std::string_view data = std::get<std::string_view>(piece);
        if (data.empty()) break;
        dog->moved(data.size());
        add_to_copy(s, data, r.copied_answers);
        if (chunked)
            write_chunk(out, data);
        else
            out += data;
        tools_turn waits(dog);
        bool written = co_await r.with.write(out);
        if (written) continue;
        s.broke_off = upstream_failure{failure_kind::tool_gone, "the tool has gone"};
        break;
    }
    if (s.broke_off)
        mode.keep_alive = false;
    else if (chunked && has_body)
        write_last_chunk(out, reader.trailers());
    co_return s;
}

}  // namespace callcache
