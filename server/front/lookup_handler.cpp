#include "server/front/lookup_handler.hpp"

#include "cache/freshness.hpp"
#include "config/address.hpp"
#include "server/fetch/disk_in_time.hpp"
#include "server/front/origin_rules.hpp"
#include "server/front/relay.hpp"
#include "server/front/relay_upload.hpp"
#include "server/http/trace.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

// True if no Accept field asks for something else than JSON (RFC 9110, section 12.5.1).
bool accepts_json(std::span<const field_view> fields)
{
    return std::all_of(fields.begin(), fields.end(), [](const field_view& f) {
        return !equals_lower(f.name, "accept") || f.value.find("json") != std::string_view::npos ||
               f.value.find("*/*") != std::string_view::npos || f.value.find("application/*") != std::string_view::npos;
    });
}

// Where callcache answers its operator, for one who reached it as `host`; nullopt if that is not known.
std::optional<std::string> status_page_of(const server_settings& s, std::string_view host)
{
    auto at = s.admin.empty() ? std::nullopt : parse_host_port(s.admin.front());
    if (!at || at->port == 0) return std::nullopt;  // off, or a port that the system chooses
    auto asked = parse_authority(host);
    if (asked && (at->host == "0.0.0.0" || at->host == "::")) at->host = asked->host;
    return "http://" + at->text() + "/";
}

// A browser's, that somebody opened to see what is here.
bool is_of_person(const request& r, const routed& to)
{
    bool wants_html = std::any_of(r.fields.begin(), r.fields.end(), [](const field_view& f) {
        return equals_lower(f.name, "accept") && f.value.find("text/html") != std::string_view::npos;
    });
    return wants_html && r.is_get() && to.target == "/";
}

std::string via_of(const request& r)
{
    std::string via;
    if (!r.has_via) return via;
    for (const field_view& f : r.fields)
        if (equals_lower(f.name, "via")) via.append(via.empty() ? "" : ", ").append(f.value);
    return via;
}

constexpr const char* used_as_proxy =
    "a tool uses callcache as its proxy, which it is not: take callcache out of the tool's HTTPS_PROXY and HTTP_PROXY, "
    "and set its base URL to callcache";

constexpr std::string_view methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::size_t shown_path_max = 200;
constexpr std::size_t taken_body_max = 64 << 10;

reply not_allowed(std::string_view text)
{
    reply r = own_answer(405, text);
    r.fields.emplace_back("Allow", std::string(methods));
    return r;
}

}  // namespace

bool lookup_handler::answer_now(response_context& c)
{
    const request& r = c.asked;
    routed to = route_of(r);
    recognize(r, to, c.from);
    if (auto refused = refusal(r, to, c.from))
    {
        c.mode.keep_alive = c.mode.keep_alive && !refused->close;
        answers_.write(c, std::move(*refused), outcome::error);
        return true;
    }
    if (r.method == "OPTIONS" && r.max_forwards == 0)  // RFC 9110, section 7.6.2
    {
        reply here;
        here.status = 204;
        here.fields.emplace_back("Allow", std::string(methods));
        answers_.write(c, std::move(here), outcome::pass);
        return true;
    }
    if (to.what == route::pass || to.what == route::read || r.body.what == framing::kind::chunked) return false;
    const partition_ptr& whose = c.from.credential.whose(to.kept_by, parts_.known);
    entry_ptr kept = parts_.kept.find_in_memory(*whose, to.name);
    if (!kept && whose->id() != 0) kept = parts_.kept.find_at_once(*whose, to.name);
    if (!kept) return false;
    wall_time now = parts_.clock.wall();
    decision decided = rule(r, *whose, kept.get(), now);
    switch (decided.verdict)
    {
    case verdict::serve: break;
    case verdict::serve_refresh: parts_.misses.ask(lookup_of(c, to, kept, decided.reason), nullptr); break;
    case verdict::pass:
    case verdict::fetch: return false;
    case verdict::refuse: write_not_kept(c); return true;
    }
    answers_.write_kept(c, kept, word_of(decided.reason), detail_of(decided.reason), now);
    return true;
}

task<void> lookup_handler::answer(response_context& c, conversation& with)
{
    const request& r = c.asked;
    routed to = route_of(r);
    if (to.what == route::pass)
    {
        co_await forward(c, to, with);
        co_return;
    }
    if (to.what == route::read)
    {
        co_await answer_read(c, to, with);
        co_return;
    }
    if (r.body.what == framing::kind::chunked && !r.expects)
    {
        bool good = co_await take_body(c, with);
        if (!good) co_return;
    }
    const partition_ptr whose = c.from.credential.whose(to.kept_by, parts_.known);
    epoch_ticket seen_under = parts_.kept.ticket();
    entry_ptr kept = parts_.kept.find_in_memory(*whose, to.name);
    if (!kept && whose->id() != 0)
    {
        kept = co_await find_on_disk(whose, to.name);
    }
    wall_time now = parts_.clock.wall();
    decision decided = rule(r, *whose, kept.get(), now);
    switch (decided.verdict)
    {
    case verdict::pass: co_await forward(c, to, with); co_return;
    case verdict::serve:
    case verdict::serve_refresh:
        if (decided.verdict == verdict::serve_refresh)
            parts_.misses.ask(lookup_of(c, to, kept, decided.reason), nullptr);
        answers_.write_kept(c, kept, word_of(decided.reason), detail_of(decided.reason), now);
        co_return;
    case verdict::refuse: write_not_kept(c); co_return;
    case verdict::fetch: break;
    }
    lookup l = lookup_of(c, to, kept, decided.reason);
    l.seen_under = seen_under;
    l.asker = ++askers_;
    with.notice_end([this, asker = l.asker] { parts_.misses.left(asker); });
    auto ask = [this, l = std::move(l)](auto done) mutable { parts_.misses.ask(std::move(l), std::move(done)); };
    looked_up found = co_await call_back<looked_up>(std::move(ask));
    with.notice_end(nullptr);
    if (found.passes)
    {
        co_await forward(c, to, with);
        co_return;
    }
    answers_.write_looked_up(c, found, decided.reason);
}

// A call that only a disk that hangs has is as one that is not kept: Gong is asked.
task<entry_ptr> lookup_handler::find_on_disk(const partition_ptr& whose, std::string_view name)
{
    std::uint64_t seen = reads_;
    if (reads_until_hang_ == seen + 1) co_return nullptr;
    auto answers = [this] {
        if (reads_until_hang_ == ++reads_) parts_.out.info("the database answers again");
    };
    auto moves = [this, &seen] {
        const std::uint64_t before = std::exchange(seen, reads_.load());
        return seen != before;
    };
    auto found = co_await find_in_time(parts_.kept, whose, name, parts_.clock, answers, moves);
    if (!found && reads_until_hang_.exchange(seen + 1) != seen + 1)
        parts_.out.warn("the database does not answer: its disk hangs. Calls that are kept there alone are asked from "
                        "Gong");
    co_return found.value_or(nullptr);
}

// What is not a lookup, and not kept.
task<void> lookup_handler::forward(response_context& c, const routed& to, conversation& with)
{
    lookup l = lookup_of(c, to, nullptr, why::not_kept);
    l.kept_by = nullptr;
    l.whose = c.from.credential.whose();
    l.id = std::string(c.asked.method) + " " +
           std::string(to.target.substr(0, std::min(to.target.find('?'), shown_path_max)));
    l.asker = ++askers_;
    relayed_request relayed{parts_.config, parts_.upstream, parts_.misses,  parts_.clock, c, to,
                            with,          held_bodies_,    copied_answers_};
    relay_end end = co_await relay_request(relayed, std::move(l));
    if (end.own) co_return answers_.write(c, std::move(*end.own), end.word);
    if (end.status != 0) answers_.note(c, end.status, end.word);  // else the tool has gone
}

// A lookup has no use for a body; what is malformed is refused all the same.
task<bool> lookup_handler::take_body(response_context& c, conversation& with)
{
    for (std::size_t taken = 0; taken <= taken_body_max;)
    {
        body_piece piece = co_await with.read_body();
        taken += piece.data.size();
        c.mode.keep_alive = c.asked.keep_alive && with.is_body_read();
        if (piece.refused && piece.refused->status != 0)
            answers_.write(c, own_answer(piece.refused->status, piece.refused->text), outcome::error);
        if (piece.refused) co_return false;
        if (piece.data.empty()) break;
    }
    co_return true;
}

void lookup_handler::refuse(const refused_head& refused, bool head_only, outgoing& out)
{
    reply r = own_answer(refused.status, refused.text);
    if (refused.retry_after > 0) r.fields.emplace_back("Retry-After", std::to_string(refused.retry_after));
    if (refused.status == 405) parts_.out.warn(used_as_proxy, {{"method", "CONNECT"}});
    if (refused.status == 405) r.fields.emplace_back("Allow", std::string(methods));
    r.close = true;
    request unread;
    unread.arrived = parts_.clock.steady();
    asker unknown;
    unknown.counted = asking_row::of_invalid({parts_.counts, parts_.misses.tools()});
    response_context c{unread, unknown, out, {}};
    c.mode.head_only = head_only;
    answers_.write(c, std::move(r), outcome::error);
}

void lookup_handler::mistake(std::string_view what)
{
    parts_.out.error("a mistake in callcache", {{"what", std::string(what)}});
}

void lookup_handler::warn_of_tool(std::string_view text, std::string_view why, const std::string& address)
{
    parts_.out.warn(text, {{"why", std::string(why)}, {"from", address}});
}

// An answer that is kept is one for all who ask for it: what asks for something else, or brings something, passes.
routed lookup_handler::route_of(const request& r) const
{
    routed to = route_target(r.target, r.is_get() || r.is_head(), parts_.config->cache.routes);
    if (to.what == route::kept && (r.body.what != framing::kind::none || !accepts_json(r.fields)))
    {
        to.what = route::pass;
        to.kept_by = nullptr;
    }
    const cache_settings& s = parts_.config->cache;
    const auto view = to.what == route::pass ? view_read_by(r.method, to.target) : std::nullopt;
    if (view && (*view == call_view::transcript ? s.transcripts : s.details) != view_keeping::off)
    {
        to.what = route::read;
        to.view = *view;
    }
    return to;
}

void lookup_handler::recognize(const request& r, const routed& to, asker& from) const
{
    bool is_other = parts_.clients && from.client.show(r.authorization, parts_.clients->current());
    auto injected = parts_.injected ? parts_.injected->current() : nullptr;
    is_other |= from.credential.show(r.authorization, injected.get(), parts_.known);
    if (is_other) from.counted.forget();
    from.counted.find(to, r.user_agent, from.client, from.credential, {parts_.counts, parts_.misses.tools()});
}

std::optional<reply> lookup_handler::refusal(const request& r, const routed& to, const asker& from) const
{
    if (parts_.injected)
        if (auto refused = refuse_web_page(r, parts_.config->server.hosts))
            return own_answer(refused->status, refused->text);
    if (r.absolute && !is_own_host(r.host, parts_.config->server.hosts))
    {
        parts_.out.warn(used_as_proxy, {{"host", std::string(r.host)}});
        return own_answer(421, "callcache is no forward proxy: take it out of HTTP_PROXY and HTTPS_PROXY, and set the "
                               "tool's base URL to it, such as http://localhost:4664");
    }
    switch (to.what)
    {
    case route::lookup:
    case route::kept:
    case route::read: break;
    case route::bad_id:
        return own_answer(400, "\"" + std::string(to.name.substr(0, 40)) +
                                   "\" is not a call id: 1 to 20 digits; Gong was not asked");
    case route::bad_target:
        if (r.target.starts_with("/@") && to.tool.empty())
            return own_answer(400, "the tool's name in /@name/… must be 1 to 64 letters, digits, '-', '_' or '.'");
        return own_answer(400, "the target has a dot segment, or an encoded slash where one of cache.routes has none");
    case route::elsewhere: return none_of_gongs(r, to, from);
    case route::pass: break;
    }
    if (r.body.length > parts_.config->server.request_body_max)
    {
        const refused_head no = body_too_large(*parts_.config);
        reply answer = own_answer(no.status, no.text);
        answer.close = true;  // rather than read it all
        return answer;
    }
    // It would show the proxy's own credential to whoever asks.
    if (r.method == "TRACE") return not_allowed("TRACE is not offered");
    if (parts_.clients && from.client.name().empty())
    {
        if (!r.authorization.empty())
            parts_.out.warn("a tool was refused: its token is not known (credentials.clients_file)",
                            {{"user_agent", std::string(r.user_agent.substr(0, shown_path_max))}});
        return unauthorized(
            r.authorization.empty()
                ? "no Authorization; show this tool's token as Bearer, or as Basic with its name as access "
                  "key and the token as secret"
                : "the token is not known (credentials.clients_file)");
    }
    if (parts_.injected || !r.authorization.empty()) return std::nullopt;
    auto page = status_page_of(parts_.config->server, r.host);
    return unauthorized("there is no Authorization. Send Gong's access key and its secret, as `Authorization: Basic "
                        "base64(KEY:SECRET)`, or a token as `Authorization: Bearer TOKEN`" +
                        (page ? ". callcache's own pages are at " + *page : ""));
}

reply lookup_handler::none_of_gongs(const request& r, const routed& to, const asker& from) const
{
    const server_settings& s = parts_.config->server;
    const std::string base = (s.tls_certificate_file.empty() ? "http://" : "https://") +
                             (r.host.empty() ? s.listen.front() : std::string(r.host));
    if (is_of_person(r, to))
    {
        auto page = status_page_of(s, r.host);
        reply text;
        text.status = 404;
        text.fields = {{"Content-Type", "text/plain; charset=utf-8"}};
        text.body = "This is callcache, a cache in front of the Gong API. It has no page here: this address is for "
                    "tools.\nThe base URL of a tool is " +
                    right_base_url(to, base) + ".\n" + (page ? "The status page is at " + *page + "\n" : "");
        return text;
    }
    const std::string path(path_of(to.target).substr(0, shown_path_max));
    parts_.out.warn("a tool asks for a path that is none of Gong's: its base URL is not right",
                    {{"tool", from.counted.name()}, {"path", path}});
    return own_answer(404, "\"" + path +
                               "\" is none of Gong's paths, which begin with /v2/ after the tool's base URL; "
                               "Gong was not asked. The base URL is " +
                               right_base_url(to, base));
}

decision lookup_handler::rule(const request& r, const partition& whose, const entry* kept, wall_time now) const
{
    return decide(kept, trust_at(whose.confirmed_at(), now, *parts_.config), r.asked, *parts_.config, now,
                  parts_.misses.is_stretched());
}

lookup lookup_handler::lookup_of(const response_context& c, const routed& to, entry_ptr seen, why reason) const
{
    lookup l;
    l.id = to.name;
    l.kept_by = to.kept_by;
    l.whose = c.from.credential.whose(to.kept_by, parts_.known);
    l.authorization = c.from.credential.authorization();
    l.traceparent = traceparent_of(c.asked.fields);
    l.via = via_of(c.asked);
    l.tool = c.from.counted.tool();
    l.asked = c.asked.asked;
    set_patience(l, *parts_.config);
    l.seen = std::move(seen);
    l.reason = reason;
    l.asked_at = parts_.clock.steady();
    return l;
}

void lookup_handler::write_not_kept(response_context& c) const
{
    bool offline = parts_.config->mode == run_mode::offline;
    cache_status status;
    if (offline) status.detail = "offline";
    answers_.write(c,
                   own_answer(504, offline ? "this is not kept under this credential and upstream.url, and callcache "
                                             "runs offline (mode): nothing goes upstream"
                                           : "this call is not kept, and the request says only-if-cached"),
                   outcome::error, status);
}

}  // namespace callcache
