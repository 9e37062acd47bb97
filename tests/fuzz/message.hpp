// A message as it is read off a connection, in steps of so many bytes.
#pragma once

#include "server/http/body_decoder.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>

namespace callcache::fuzz
{

enum class ending
{
    done,
    incomplete,
    refused,
};

struct head_read
{
    ending how = ending::incomplete;
    std::size_t size = 0;
};

inline head_read read_head(std::string_view bytes, head_kind kind, std::size_t bytes_max, std::size_t step)
{
    head_scanner scanner(kind, bytes_max);
    for (std::size_t here = 0; here < bytes.size();)
    {
        here = std::min(here + step, bytes.size());
        exactly received(bytes.substr(0, here));
        switch (scanner.scan(received.view()))
        {
        case head_scanner::progress::incomplete: break;
        case head_scanner::progress::refused: return {ending::refused, 0};
        case head_scanner::progress::complete:
            always(scanner.size() <= here && scanner.size() <= bytes_max, "a head lies within what was received");
            return {ending::done, scanner.size()};
        }
    }
    return {};
}

struct body_read
{
    ending how = ending::incomplete;
    std::size_t size = 0;  // taken
    std::string content;
    std::vector<field> trailers;

    bool operator==(const body_read&) const = default;
};

inline body_read read_body(std::string_view bytes, framing f, std::size_t step)
{
    body_decoder decoder(f);
    body_read r;
    for (std::size_t here = 0; !decoder.is_done() && here < bytes.size();)
    {
        here = std::min(here + step, bytes.size());
        for (;;)
        {
            exactly in(bytes.substr(r.size, here - r.size));
            auto piece = decoder.take(in.view());
            always(piece.taken <= in.view().size() && piece.data.size() <= piece.taken,
                   "a piece lies within its input");
            r.size += piece.taken;
            r.content += piece.data;
            if (piece.taken == 0 || decoder.is_done()) break;
        }
        if (decoder.refused())
        {
            r.how = ending::refused;
            r.size = 0;  // how far it got before it could tell depends on the steps
            return r;
        }
    }
    bool ended = decoder.ends_with_connection();
    if (decoder.is_done() || ended) r.how = ending::done;
    for (const field& t : decoder.trailers())
        always(is_trailer_field(t.first) && !has_control_character(t.first), "a trailer is one that may be handed on");
    r.trailers = decoder.trailers();
    // What a head of a chunk or a trailer has taken so far is no content, and depends on the steps.
    if (r.how == ending::incomplete) r.size = 0;
    return r;
}

// Byte by byte, as far as that is quick.
inline std::size_t small_step(std::string_view bytes)
{
    return 1 + bytes.size() / 500;
}

}  // namespace callcache::fuzz
