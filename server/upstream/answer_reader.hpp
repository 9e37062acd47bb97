// Reads one answer of the vendor from a connection: its head, then its body piece by piece.
#pragma once

#include "server/http/answer_head.hpp"
#include "server/http/body_decoder.hpp"
#include "server/upstream/transport.hpp"

#include <functional>
#include <string>
#include <variant>

namespace callcache
{

// Of an answer that this process gave itself: it is none of the vendor's, and its 429 pauses nobody.
upstream_failure came_from_itself();

// Ends by itself only with the connection: the caller closes it when its time is up.
class answer_reader
{
public:
    // `begins` is called when the first byte of anything comes.
    answer_reader(transport& connection, std::function<void()> begins) :
        connection_(connection),
        begins_(std::move(begins))
    {}

    // The final answer's head: 1xx answers are read over. `to_head`: the request was HEAD, and no body follows.
    using head_or_failure = std::variant<answer_head, upstream_failure>;
    task<head_or_failure> read_head(bool to_head);

    // The next piece of the body, good until the next call; empty at its end. REQUIRES: read_head() gave a head.
    using piece_or_failure = std::variant<std::string_view, upstream_failure>;
    task<piece_or_failure> read_body();

    const std::vector<field>& trailers() const { return body_.trailers(); }

    // True if the connection can carry another request: the whole answer was read, and nothing came behind it. Not if a
    // body may still come for an answer that should have none.
    bool is_reusable() const { return persistent_ && !bodiless_ && body_.is_done() && used_ == buffer_.size(); }

private:
    task<std::variant<std::size_t, upstream_failure>> receive_head();
    task<error_code> receive();

    transport& connection_;
    std::function<void()> begins_;
    std::string buffer_;          // received
    std::size_t used_ = 0;        // of it, at its front
    std::size_t room_ = 1 << 10;  // for the next read: most answers are short, and room has to be cleared
    body_decoder body_{framing{}};
    bool persistent_ = false, bodiless_ = false;
};

}  // namespace callcache
