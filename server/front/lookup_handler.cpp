#include "server/front/lookup_handler.hpp"

#include "cache/freshness.hpp"
#include "server/front/origin_rules.hpp"
#include "server/front/relay.hpp"
#include "server/http/trace.hpp"
#include "server/text/escape.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

std::string_view forwarded_reason(why w)
{
    switch (w)
    {
    case why::asked: return "request";
    case why::expired:
    case why::stale: return "stale";
    case why::untrusted: return "bypass";
    default: return "miss";
    }
}

constexpr std::size_t shown_agent_max = 40;

// A tool that does not say its name is its credential and its User-Agent: "python-requests/2.31 #5f0c".
std::string unnamed_tool(std::string_view user_agent, const partition* whose)
{
    std::string name = harmless(user_agent.substr(0, shown_agent_max));
    if (name.empty()) name = "unnamed";
    return whose ? name + " #" + hex(whose->name(), 2) : name;
}

std::string_view word_of(const routed& to)
{
    if (to.what == route::lookup || to.what == route::bad_id) return calls_route;
    return to.what == route::kept ? std::string_view(to.kept_by->path) : pass_route;
}

// True if no Accept field asks for something else than JSON (RFC 9110, section 12.5.1).
bool accepts_json(std::span<const field_view> fields)
{
    return std::all_of(fields.begin(), fields.end(), [](const field_view& f) {
        return !equals_lower(f.name, "accept") || f.value.find("json") != std::string_view::npos ||
               f.value.find("*/*") != std::string_view::npos || f.value.find("application/*") != std::string_view::npos;
    });
}

constexpr std::string_view via = "1.1 callcache";
constexpr std::string_view methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::size_t shown_path_max = 200;
constexpr std::size_t taken_body_max = 64 << 10;

reply not_allowed(std::string_view text)
{
    reply r = own_answer(405, text);
    r.fields.emplace_back("Allow", std::string(methods));
    return r;
}

// Without the query: some tools put a key there.
std::string loggable(std::string_view target)
{
    std::string_view path = target.substr(0, target.find('?'));
    return std::string(path.substr(0, shown_path_max)) + (path.size() < target.size() ? "?(not logged)" : "");
}

}  // namespace

bool lookup_handler::answer_now(const request& r, const reply_mode& mode, remembered_credential& memory,
                                std::string& out)
{
    routed to = route_of(r);
    if (parts_.clients) recognize(r, memory);
    auto refused = refusal(r, to, memory);
    remember(r, memory);
    be_counted(r, to, memory);
    if (refused)
    {
        outcome word = outcome::error;
        write(out, std::move(*refused), {}, word, r, mode, memory);
        return true;
    }
    if (r.method == "OPTIONS" && r.max_forwards == 0)  // RFC 9110, section 7.6.2
    {
        reply here;
        here.status = 204;
        here.fields.emplace_back("Allow", std::string(methods));
        write(out, std::move(here), {}, outcome::pass, r, mode, memory);
        return true;
    }
    if (to.what == route::pass || r.body.what == framing::kind::chunked) return false;
    const partition_ptr& whose = kept_under(to, memory);
    entry_ptr kept = parts_.kept.find_in_memory(*whose, to.name);
    if (!kept && whose->id() != 0) kept = parts_.kept.find_at_once(*whose, to.name);
    if (!kept) return false;
    wall_time now = parts_.clock.wall();
    decision decided = rule(r, *whose, kept.get(), now);
    switch (decided.verdict)
    {
    case verdict::serve: break;
    case verdict::serve_refresh: parts_.misses.refresh(lookup_of(r, to, memory, kept, decided.reason)); break;
    case verdict::pass:
    case verdict::fetch: return false;
    case verdict::refuse: write_not_kept(out, r, mode, memory); return true;
    }
    write_kept(out, *kept, word_of(decided.reason), detail_of(decided.reason), r, mode, memory, now);
    return true;
}

task<void> lookup_handler::answer(const request& r, reply_mode& mode, remembered_credential& memory, conversation& with,
                                  std::string& out)
{
    routed to = route_of(r);
    const partition_ptr& whose = kept_under(to, memory);
    if (to.what == route::pass)
    {
        co_await pass(r, to, mode, memory, with, out);
        co_return;
    }
    if (r.body.what == framing::kind::chunked && !r.expects)
    {
        bool good = co_await take_body(r, mode, memory, with, out);
        if (!good) co_return;
    }
    epoch_ticket seen_under = parts_.kept.ticket();
    entry_ptr kept = parts_.kept.find_in_memory(*whose, to.name);
    if (!kept && whose->id() != 0)
    {
        auto find = [&](auto done) { parts_.kept.find_on_disk(whose, to.name, std::move(done)); };
        kept = co_await call_back<entry_ptr>(find);
    }
    wall_time now = parts_.clock.wall();
    decision decided = rule(r, *whose, kept.get(), now);
    switch (decided.verdict)
    {
    case verdict::pass: co_await pass(r, to, mode, memory, with, out); co_return;
    case verdict::serve:
    case verdict::serve_refresh:
        if (decided.verdict == verdict::serve_refresh)
            parts_.misses.refresh(lookup_of(r, to, memory, kept, decided.reason));
        write_kept(out, *kept, word_of(decided.reason), detail_of(decided.reason), r, mode, memory, now);
        co_return;
    case verdict::refuse: write_not_kept(out, r, mode, memory); co_return;
    case verdict::fetch: break;
    }
    lookup l = lookup_of(r, to, memory, kept, decided.reason);
    l.seen_under = seen_under;
    l.asker = ++askers_;
    with.notice_end([this, asker = l.asker] { parts_.misses.left(asker); });
    auto ask = [this, l = std::move(l)](auto done) mutable { parts_.misses.ask(std::move(l), std::move(done)); };
    looked_up found = co_await call_back<looked_up>(std::move(ask));
    with.notice_end(nullptr);
    if (found.passes)
    {
        co_await pass(r, to, mode, memory, with, out);
        co_return;
    }
    write_looked_up(out, found, decided.reason, r, mode, memory);
}

// What is not a lookup, and not kept.
task<void> lookup_handler::pass(const request& r, const routed& to, reply_mode& mode,
                                const remembered_credential& memory, conversation& with, std::string& out)
{
    lookup l = lookup_of(r, to, memory, nullptr, why::not_kept);
    l.kept_by = nullptr;
    l.whose = memory.whose;
    l.id =
        std::string(r.method) + " " + std::string(to.target.substr(0, std::min(to.target.find('?'), shown_path_max)));
    l.asker = ++askers_;
    passing p{parts_.config, parts_.upstream, parts_.misses, parts_.clock, r, to, with, mode};
    passed end = co_await pass_through(p, std::move(l), out);
    if (end.own) co_return write(out, std::move(*end.own), {}, end.word, r, mode, memory);
    if (end.status != 0) note(r, end.status, end.word, memory);  // else the tool has gone
}

// A lookup has no use for a body; what is malformed is refused all the same.
task<bool> lookup_handler::take_body(const request& r, reply_mode& mode, const remembered_credential& memory,
                                     conversation& with, std::string& out)
{
    for (std::size_t taken = 0; taken <= taken_body_max;)
    {
        body_piece piece = co_await with.read_body();
        taken += piece.data.size();
        mode.keep_alive = r.keep_alive && with.is_body_read();
        if (piece.refused && piece.refused->status != 0)
            write(out, own_answer(piece.refused->status, piece.refused->text), {}, outcome::error, r, mode, memory);
        if (piece.refused) co_return false;
        if (piece.data.empty()) break;
    }
    co_return true;
}

void lookup_handler::refuse(const refused_head& refused, bool head_only, std::string& out)
{
    reply r = own_answer(refused.status, refused.text);
    if (refused.retry_after > 0) r.fields.emplace_back("Retry-After", std::to_string(refused.retry_after));
    if (refused.status == 405) r.fields.emplace_back("Allow", std::string(methods));
    r.close = true;
    reply_mode mode;
    mode.head_only = head_only;
    request unread;
    unread.arrived = parts_.clock.steady();
    remembered_credential unknown;
    unknown.counted.row = &parts_.counts.of(invalid_route, "unknown");
    write(out, std::move(r), {}, outcome::error, unread, mode, unknown);
}

void lookup_handler::mistake(std::string_view what)
{
    parts_.out.error("a mistake in callcache", {{"what", std::string(what)}});
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
    return to;
}

std::optional<reply> lookup_handler::refusal(const request& r, const routed& to,
                                             const remembered_credential& memory) const
{
    if (parts_.injected)
        if (auto refused = refuse_web_page(r, parts_.config->server.hosts))
            return own_answer(refused->status, refused->text);
    if (r.absolute && !is_own_host(r.host, parts_.config->server.hosts))
        return own_answer(421, "callcache is no forward proxy; set the tool's base URL to it, and not its proxy");
    switch (to.what)
    {
    case route::lookup:
    case route::kept: break;
    case route::bad_id:
        return own_answer(400, "\"" + std::string(to.name.substr(0, 40)) +
                                   "\" is not a call id: 1 to 20 digits; the vendor was not asked");
    case route::bad_target:
        return own_answer(400, "the target has a dot segment, an encoded slash where one of cache.routes has none, or "
                               "a tool's name in /@name/… that is not 1 to 64 letters, "
                               "digits, '-', '_' or '.'");
    case route::pass: break;
    }
    // It would show the proxy's own credential to whoever asks.
    if (r.method == "TRACE") return not_allowed("TRACE is not offered");
    if (parts_.clients && memory.client.empty())
        return unauthorized(
            r.authorization.empty()
                ? "no Authorization; show this tool's token as Bearer, or as Basic with its name as access "
                  "key and the token as secret"
                : "the token is not known (credentials.clients_file)");
    if (parts_.injected || !r.authorization.empty()) return std::nullopt;
    return unauthorized("no Authorization; send the credential that you would send to the vendor");
}

// With named tools: whose token the request shows, if it is anybody's. Looked up anew when the connection shows another
// one, or the list has changed.
void lookup_handler::recognize(const request& r, remembered_credential& memory) const
{
    auto known = parts_.clients->current();
    if (memory.looked_up_in == known && memory.shown == r.authorization) return;
    const std::string* name = known->find(r.authorization);
    memory.client = name ? *name : std::string();
    memory.shown = r.authorization;
    memory.looked_up_in = std::move(known);
    memory.counted.row = nullptr;
}

// The partition of the request's credential, null where a tool has sent none; hashed anew only when the connection
// sends another one. The injected credential has a partition also when it cannot be read (offline).
void lookup_handler::remember(const request& r, remembered_credential& memory) const
{
    auto injected = parts_.injected ? parts_.injected->current() : nullptr;
    std::string_view authorization = injected ? std::string_view(injected->authorization) : r.authorization;
    bool has_one = injected || !authorization.empty();
    if (bool(memory.whose) == has_one && memory.authorization == authorization) return;
    memory.who = injected ? injected->who : identity_of(authorization);
    memory.whose = has_one ? parts_.known.of(memory.who.scheme, memory.who.credential, memory.who.access_key) : nullptr;
    memory.authorization = authorization;
    memory.routes.clear();
    memory.counted.row = nullptr;
}

// What is kept by a route stands under a partition of its own: that the vendor accepts a credential there says nothing
// about calls, and the other way round.
const partition_ptr& lookup_handler::kept_under(const routed& to, remembered_credential& memory) const
{
    if (!to.kept_by) return memory.whose;
    partition_ptr& whose = memory.routes[to.kept_by];
    if (!whose) whose = parts_.known.of(memory.who.scheme + " " + to.kept_by->path, memory.who.credential);
    return whose;
}

decision lookup_handler::rule(const request& r, const partition& whose, const entry* kept, wall_time now) const
{
    return decide(kept, trust_at(whose.confirmed_at(), now, *parts_.config), r.asked, *parts_.config, now,
                  parts_.misses.is_stretched());
}

std::string lookup_handler::tool_of(const request& r, const routed& to, const remembered_credential& memory) const
{
    // A token's name counts before the one in the base URL: else a tool could spend another's share of the day.
    if (!memory.client.empty()) return memory.client;
    return to.tool.empty() ? unnamed_tool(r.user_agent, memory.whose.get()) : std::string(to.tool);
}

// The row is looked for, and the tool's name made, only when the connection's last request was another one's.
void lookup_handler::be_counted(const request& r, const routed& to, remembered_credential& memory) const
{
    remembered_row& c = memory.counted;
    std::string_view route = word_of(to), agent = r.user_agent.substr(0, shown_agent_max);
    if (c.row && c.route == route && c.named == to.tool && c.user_agent == agent) return;
    c.tool = tool_of(r, to, memory);
    c.row = &parts_.counts.of(route, c.tool);
    c.route = route;
    c.named = to.tool;
    c.user_agent = agent;
}

lookup lookup_handler::lookup_of(const request& r, const routed& to, const remembered_credential& memory,
                                 entry_ptr seen, why reason) const
{
    lookup l;
    l.id = to.name;
    l.kept_by = to.kept_by;
    l.whose = to.kept_by ? memory.routes.at(to.kept_by) : memory.whose;
    l.authorization = memory.authorization;
    l.traceparent = traceparent_of(r.fields);
    l.tool = memory.counted.tool;  // by be_counted(), for this request
    l.asked = r.asked;
    set_patience(l, *parts_.config);
    l.seen = std::move(seen);
    l.reason = reason;
    l.asked_at = parts_.clock.steady();
    return l;
}

void lookup_handler::write(std::string& out, reply answer, const cache_status& status, outcome word, const request& r,
                           const reply_mode& mode, const remembered_credential& memory) const
{
    cache_status shown = status;
    if (shown.detail.empty()) shown.detail = callcache::word(word);
    answer.fields.emplace_back("Cache-Status", to_field(shown));
    answer.fields.emplace_back("Via", std::string(via));
    const std::string* etag = answer.find("etag");
    if (answer.status == 200 && etag && matches_etag(r.if_none_match, *etag)) answer.status = 304;
    note(r, answer.status, word, memory);
    write_reply(out, answer, mode, parts_.clock.wall());
}

// An answer has been given: it is counted, and logged if that is asked for.
void lookup_handler::note(const request& r, unsigned status, outcome word, const remembered_credential& memory) const
{
    memory.counted.row->add(word, parts_.clock.steady() - r.arrived);
    if (parts_.config->log.access == log_access::all) log_answer(r, status, word, memory.counted.tool);
}

void lookup_handler::log_answer(const request& r, unsigned status, outcome word, const std::string& tool) const
{
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(parts_.clock.steady() - r.arrived);
    std::vector<log_field> line{
        {"method", std::string(r.method)},         {"target", loggable(r.target)},
        {"status", std::to_string(status)},        {"outcome", std::string(callcache::word(word))},
        {"took_us", std::to_string(took.count())}, {"tool", tool}};
    if (auto trace = traceparent_of(r.fields); !trace.empty()) line.emplace_back("traceparent", trace);
    parts_.out.info("answer", line);
}

void lookup_handler::write_kept(std::string& out, const entry& e, outcome word, std::string_view detail,
                                const request& r, const reply_mode& mode, const remembered_credential& memory,
                                wall_time now) const
{
    // Written piece by piece: as a `reply` with its strings it cost a quarter of a hit.
    bool unchanged = !e.is_negative && matches_etag(r.if_none_match, e.etag);
    unsigned code = e.is_negative ? 404 : unchanged ? 304 : 200;
    cache_status status;
    status.hit = true;
    status.ttl = whole_seconds(e.fresh_until() - now);
    status.detail = detail.empty() ? callcache::word(word) : detail;
    reply_writer w(out, code);
    w.field("Date", e.sent_at);
    w.field("Content-Type", e.content_type);
    w.field("Age", std::max<std::int64_t>(0, whole_seconds(now - e.sent_at)));
    if (!e.etag.empty()) w.field("ETag", e.etag);
    w.field("Cache-Status", status);
    w.field("Via", via);
    w.end(e.body, mode);
    note(r, code, word, memory);
}

void lookup_handler::write_looked_up(std::string& out, const looked_up& found, why reason, const request& r,
                                     const reply_mode& mode, const remembered_credential& memory) const
{
    if (found.kept && !found.vendors)
        return write_kept(out, *found.kept, found.word, found.detail, r, mode, memory, parts_.clock.wall());
    cache_status status;
    status.detail = found.detail;
    if (found.own) return write(out, *found.own, status, found.word, r, mode, memory);

    status.forwarded = forwarded_reason(reason);
    status.forwarded_status = found.vendors->status;
    status.stored = found.stored;
    status.collapsed = found.word == outcome::collapsed;
    reply answer;
    answer.status = found.vendors->status;
    for (const field& f : found.vendors->fields)
    {
        // What is ours to say, and what was another asker's.
        bool ours = equals_lower(f.first, "etag") && found.kept;
        bool others = status.collapsed && equals_lower(f.first, "set-cookie");
        if (!ours && !others) answer.fields.push_back(f);
    }
    answer.body = found.kept ? found.kept->body : found.vendors->body;
    if (found.kept)
    {
        status.ttl = whole_seconds(found.kept->fresh_for);
        if (!found.kept->etag.empty()) answer.fields.emplace_back("ETag", found.kept->etag);
    }
    write(out, std::move(answer), status, found.word, r, mode, memory);
}

void lookup_handler::write_not_kept(std::string& out, const request& r, const reply_mode& mode,
                                    const remembered_credential& memory) const
{
    bool offline = parts_.config->mode == run_mode::offline;
    cache_status status;
    if (offline) status.detail = "offline";
    write(out,
          own_answer(504, offline ? "this is not kept under this credential and upstream.url, and callcache runs "
                                    "offline (mode): nothing goes upstream"
                                  : "this call is not kept, and the request says only-if-cached"),
          status, outcome::error, r, mode, memory);
}

}  // namespace callcache
