#include "server/front/read_body.hpp"

namespace callcache
{

task<taken_body> take_whole_body(conversation& with, const framing& body, std::size_t bytes_max, byte_bound& held)
{
    taken_body taken;
    const bool is_chunked = body.what == framing::kind::chunked;
    const std::size_t most = is_chunked ? bytes_max : std::size_t(std::min<std::uint64_t>(body.length, bytes_max + 1));
    if (most > bytes_max || !taken.room.take(held, most)) co_return taken;
    while (taken.bytes.size() <= bytes_max)
    {
        body_piece piece = co_await with.read_body();
        taken.refused = std::move(piece.refused);
        taken.is_whole = !taken.refused && piece.data.empty();
        if (taken.refused || taken.is_whole) break;
        taken.bytes += piece.data;
    }
    co_return taken;
}

}  // namespace callcache
