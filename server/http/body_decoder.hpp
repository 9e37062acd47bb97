// The strict reading of a message's body (RFC 9112, sections 6 and 7), for both sides of the proxy.
#pragma once

#include "server/http/head_guard.hpp"
#include "server/http/reply.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// Takes a body out of the bytes of a connection, piece by piece; nothing is copied but trailers.
class body_decoder
{
public:
    explicit body_decoder(framing f) : what_(f.what), left_(f.length) { settle(); }

    struct piece
    {
        std::size_t taken = 0;  // bytes at the front of the input that are used up
        std::string_view data;  // content, within them
    };

    // What stands at the front of `in`. Called again with what is left until nothing is taken: then the body is done,
    // or refused, or more must be received. REQUIRES: neither done nor refused.
    piece take(std::string_view in);

    bool is_done() const { return stage_ == stage::done; }

    // Why the body is malformed, or null. What follows on the connection cannot be found any more.
    const std::string* refused() const { return refused_.empty() ? nullptr : &refused_; }

    // The connection has ended. True if that is how the body ends.
    bool ends_with_connection() const { return what_ == framing::kind::until_close; }

    const std::vector<field>& trailers() const { return trailers_; }

private:
    enum class stage
    {
        content,    // left_ bytes of it
        chunk_end,  // the line end after a chunk's content
        chunk_head,
        trailer,
        done,
    };

    void settle();
    piece line(std::string_view in);
    bool chunk_head(std::string_view line);
    bool trailer(std::string_view line);
    piece refuse(std::string why);

    framing::kind what_;
    std::uint64_t left_;
    stage stage_ = stage::content;
    std::size_t trailer_bytes_ = 0;
    std::vector<field> trailers_;
    std::string refused_;
};

// Appends `data` as one chunk. REQUIRES: it is not empty, as an empty chunk is the last.
void write_chunk(std::string& out, std::string_view data);

// Appends the last chunk, and the trailers.
void write_last_chunk(std::string& out, const std::vector<field>& trailers);

// True if the field may stand in a trailer section and be handed on: none of framing, routing, authentication or of how
// the content is to be read (RFC 9110, section 6.5.1), and none of one connection.
bool is_trailer_field(std::string_view name);

}  // namespace callcache
