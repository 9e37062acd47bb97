// The way of a request from bytes to its route. Whatever the pieces in which it comes, the verdict is the same; and a
// request that is accepted is accepted again, the same, once it is written anew from its parts.

#include "server/front/route.hpp"
#include "server/http/head_reader.hpp"
#include "tests/fuzz/message.hpp"

namespace callcache::fuzz
{
namespace
{

constexpr std::size_t head_bytes_max = 16 << 10;

struct request_read
{
    ending how = ending::incomplete;
    std::string method, target, host, authorization, name, tool;
    std::vector<field> fields;
    int minor = 1;
    bool keep_alive = false;
    route what = route::pass;
    body_read body;

    bool operator==(const request_read&) const = default;
};

void check_route(const routed& to, std::string_view target)
{
    always(target.ends_with(to.target), "what the vendor would see is the end of the target");
    if (to.what != route::bad_target && to.target != "*")
        always(to.target.starts_with('/'), "what is handed on is a path");
    if (to.what == route::pass && to.target != "*")
        always(to.target.starts_with("/v"), "what goes upstream is a path of Gong's");
    if (to.what == route::lookup)
        always(!to.name.empty() && to.name.size() <= 20 &&
                   std::all_of(to.name.begin(), to.name.end(), [](char c) { return c >= '0' && c <= '9'; }),
               "a lookup's id is digits");
}

request_read read_one(std::string_view& bytes, std::size_t step)
{
    request_read r;
    head_read head = read_head(bytes, head_kind::request, head_bytes_max, step);
    r.how = head.how;
    if (head.how != ending::done) return r;
    exactly text(bytes.substr(0, head.size));
    std::vector<field_view> fields;
    auto read = read_request_head(text.view(), fields);
    for (const field_view& f : fields)
        always(!has_control_character(f.name), "a field's name has no control character");
    if (read.refused)
    {
        always(read.refused->status >= 400 && read.refused->status < 500, "a refusal is the tool's fault");
        r.how = ending::refused;
        return r;
    }
    const callcache::request& good = read.good;
    routed to = route_target(good.target, good.is_get() || good.is_head(), {});
    check_route(to, good.target);
    matches_etag(good.if_none_match, "\"tag\"");
    r.method = good.method;
    r.target = good.target;
    r.host = good.host;
    r.authorization = good.authorization;
    r.minor = good.minor;
    r.keep_alive = good.keep_alive;
    r.what = to.what;
    r.name = to.name;
    r.tool = to.tool;
    for (const field_view& f : fields)
        if (!is_hop_by_hop(f.name, fields)) r.fields.emplace_back(f.name, f.value);
    bytes.remove_prefix(head.size);
    r.body = read_body(bytes, good.body, step);
    if (r.body.how == ending::refused) r.how = ending::refused;
    if (r.body.how == ending::incomplete) r.how = ending::incomplete;
    bytes.remove_prefix(r.body.size);
    return r;
}

// The last one is the one that was refused, or is not complete.
std::vector<request_read> read_all(std::string_view bytes, std::size_t step)
{
    std::vector<request_read> all;
    while (!bytes.empty() && all.size() < 8 && (all.empty() || all.back().how == ending::done))
        all.push_back(read_one(bytes, step));
    return all;
}

std::string rebuilt(const request_read& r, bool chunked)
{
    std::string text = r.method + " " + r.target + " HTTP/1." + std::to_string(r.minor) + "\r\n";
    for (const field& f : r.fields)
        if (!equals_lower(f.first, "host") && !equals_lower(f.first, "authorization"))
            text += f.first + ": " + f.second + "\r\n";
    if (r.minor == 1 || !r.host.empty()) text += "Host: " + r.host + "\r\n";
    if (!r.authorization.empty()) text += "Authorization: " + r.authorization + "\r\n";
    if (r.keep_alive != (r.minor == 1)) text += r.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (!chunked)
        return text + "Content-Length: " + std::to_string(r.body.content.size()) + "\r\n\r\n" + r.body.content;
    text += "Transfer-Encoding: chunked\r\n\r\n";
    if (!r.body.content.empty()) write_chunk(text, r.body.content);
    write_last_chunk(text, r.body.trailers);
    return text;
}

}  // namespace

void request(std::string_view bytes)
{
    auto all = read_all(bytes, bytes.size());
    always(all == read_all(bytes, small_step(bytes)), "the pieces in which a request comes change nothing");
    for (const request_read& r : all)
    {
        if (r.how != ending::done || r.target == "*") continue;
        for (bool chunked : {false, true})
        {
            if (chunked && r.minor == 0) continue;
            std::string text = rebuilt(r, chunked), behind = text + "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            std::string_view left = behind;
            request_read again = read_one(left, behind.size());
            always(left == std::string_view(behind).substr(text.size()), "a request ends where it was written to end");
            always(again.how == ending::done && again.method == r.method && again.target == r.target &&
                       again.host == r.host && again.authorization == r.authorization && again.what == r.what &&
                       again.name == r.name && again.tool == r.tool && again.keep_alive == r.keep_alive &&
                       again.body.content == r.body.content,
                   "what was accepted is accepted again, the same");
            if (chunked) always(again.body.trailers == r.body.trailers, "trailers stay as they are");
        }
    }
}

}  // namespace callcache::fuzz
