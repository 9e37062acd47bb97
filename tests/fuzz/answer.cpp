// The way of an answer from bytes to what it means. Whatever the pieces in which it comes, the verdict is the same; and
// what a tool is handed on is one message, with the same body.

#include "server/fetch/classify.hpp"
#include "server/http/head_reader.hpp"
#include "tests/fuzz/message.hpp"

namespace callcache::fuzz
{
namespace
{

constexpr std::string_view id = "7782342274025937895";

struct answer_read
{
    ending how = ending::incomplete;
    bool persistent = false;
    upstream_answer answer;
    body_read body;

    bool operator==(const answer_read& o) const
    {
        return how == o.how && persistent == o.persistent && answer.status == o.answer.status &&
               answer.fields == o.answer.fields && body == o.body;
    }
};

// An answer of any status, also an interim one.
answer_read read_one(std::string_view& bytes, std::size_t step)
{
    answer_read r;
    head_read head = read_head(bytes, head_kind::response, answer_head_bytes_max, step);
    r.how = head.how;
    if (head.how != ending::done) return r;
    exactly text(bytes.substr(0, head.size));
    auto read = read_answer_head(text.view());
    if (read.refused || !(read.head.is_final() || read.head.is_interim()))
    {
        r.how = ending::refused;
        return r;
    }
    always(!read.head.is_interim() || read.head.body.what == framing::kind::none, "an interim answer has no body");
    bytes.remove_prefix(head.size);
    r.persistent = read.persistent;
    r.answer.status = read.head.status;
    r.answer.fields = read.head.fields;
    r.body = read_body(bytes, read.head.body, step);
    r.how = r.body.how;
    r.answer.body = r.body.content;
    bytes.remove_prefix(r.body.size);
    return r;
}

std::vector<answer_read> read_all(std::string_view bytes, std::size_t step)
{
    std::vector<answer_read> all;
    while (!bytes.empty() && all.size() < 8 && (all.empty() || all.back().how == ending::done))
        all.push_back(read_one(bytes, step));
    return all;
}

// As a tool is handed it.
void check_handed_on(const answer_read& r)
{
    reply handed;
    handed.status = r.answer.status;
    handed.fields = r.answer.fields;
    handed.body = r.answer.body;
    std::string text;
    write_reply(text, handed, {}, wall_time{});
    std::string behind = text + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    std::string_view left = behind;
    answer_read again = read_one(left, behind.size());
    always(left == std::string_view(behind).substr(text.size()), "an answer ends where it was written to end");
    bool bodiless = r.answer.status == 204 || r.answer.status == 304;
    always(again.how == ending::done && again.answer.status == r.answer.status &&
               again.answer.body == (bodiless ? "" : r.answer.body),
           "what is handed on is read as what it was");
    if (bodiless) return;
    classification was = classify(r.answer, id), is = classify(again.answer, id);
    always(was.what == is.what && was.call.call == is.call.call, "what is handed on means what it meant");
}

void check_classification(const upstream_answer& a)
{
    exactly body(a.body);
    classification j = classify(a, id);
    if (j.what != meaning::found) return;
    always(a.status == 200 && j.call.id == id, "a call that is kept is the one that was asked for");
    always(j.call.call.starts_with('{') && j.call.call.ends_with('}'), "a call is an object");
    always(j.call.call.size() <= body.view().size() && is_same_json(j.call.call, j.call.call),
           "a call's bytes are one JSON text");
    // As a bulk answer's would be kept.
    std::string alone = "{\"requestId\":\"\",\"call\":" + std::string(j.call.call) + "}";
    auto again = read_call_answer(alone);
    always(again && again->call == j.call.call && again->id == id && again->started == j.call.started &&
               again->is_private == j.call.is_private,
           "a call says the same wherever it stands");
}

}  // namespace

void answer(std::string_view bytes)
{
    auto all = read_all(bytes, bytes.size());
    always(all == read_all(bytes, small_step(bytes)), "the pieces in which an answer comes change nothing");
    for (const answer_read& r : all)
    {
        if (r.how != ending::done || r.answer.status < 200) continue;
        check_classification(r.answer);
        check_handed_on(r);
    }
}

}  // namespace callcache::fuzz
