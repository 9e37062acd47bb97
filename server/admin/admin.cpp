#include "server/admin/admin.hpp"

#include "cache/call_id.hpp"
#include "server/admin/access.hpp"
#include "server/admin/metrics.hpp"
#include "server/admin/purge_order.hpp"
#include "server/admin/stats.hpp"
#include "server/admin/status_page.hpp"
#include "server/fetch/disk_in_time.hpp"
#include "server/fetch/read_freshness.hpp"
#include "server/front/route.hpp"
#include "server/text/json_text.hpp"

#include <algorithm>
#include <set>

namespace callcache
{
namespace
{

reply json(unsigned status, std::string body)
{
    reply r;
    r.status = status;
    r.fields = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    r.body = std::move(body);
    return r;
}

// True if `target` is of `path`: its query is no part of that, unless the path ends with "{…}", which takes the rest.
bool is_of(std::string_view target, std::string_view path)
{
    std::size_t rest = path.find('{');
    if (rest == std::string_view::npos) return target.substr(0, target.find('?')) == path;
    return target.size() > rest && target.starts_with(path.substr(0, rest));
}

bool is_method_of(std::string_view asked, std::string_view method)
{
    return asked == method || (asked == "HEAD" && method == "GET");
}

constexpr std::size_t body_bytes_max = 64 << 10;
constexpr std::size_t explained_max = 500;      // credentials that are looked through
constexpr std::size_t counted_finds_max = 100;  // before a purge, which waits for them

// The whole body, or what to answer to one that is too large or malformed.
task<std::variant<std::string, reply>> read_body(conversation& with)
{
    std::string body;
    for (;;)
    {
        body_piece piece = co_await with.read_body();
        bool too_large = body.size() + piece.data.size() > body_bytes_max;
        if (piece.refused || too_large)
        {
            reply refused = too_large ? own_answer(413, "the body is longer than 64 KiB; ask several times")
                                      : own_answer(std::max(piece.refused->status, 400u), piece.refused->text);
            refused.close = true;
            co_return std::move(refused);
        }
        if (piece.data.empty()) co_return std::move(body);
        body += piece.data;
    }
}

// Of how many of these calls something is kept, with their other views; nullopt where that takes too long to find out,
// and for a path, as it stands for any query.
task<std::optional<std::uint64_t>> count_kept(tiers& kept, std::vector<partition_ptr> all,
                                              const std::vector<std::string>& names, const clock_source& clock)
{
    std::erase_if(all, [](const partition_ptr& p) { return p->id() == 0; });
    bool has_path = std::any_of(names.begin(), names.end(), [](const std::string& n) { return n.starts_with('/'); });
    if (has_path || names.size() * all.size() > counted_finds_max) co_return std::nullopt;
    std::uint64_t count = 0;
    for (const std::string& name : names)
    {
        bool is_kept = false;
        for (const partition_ptr& p : all)
        {
            is_kept = kept.find_in_memory(*p, name) != nullptr;
            if (is_kept) break;
            auto found = co_await find_in_time(kept, p, name, clock);
            if (!found) co_return std::nullopt;
            is_kept = *found != nullptr;
            if (is_kept) break;
        }
        if (!is_kept)
        {
            auto views = co_await find_queries_in_time(kept, name, clock);
            if (!views) co_return std::nullopt;
            is_kept = !views->empty();
        }
        count += is_kept;
    }
    co_return count;
}

// How a view of a call is served now: its times, without its bytes.
entry_ptr as_served(const tiers& kept, const settings& s, partition_ptr calls_of, std::string_view name, const entry& e)
{
    read_terms terms;
    terms.what = *view_of(name);
    terms.calls_of = std::move(calls_of);
    auto shown = std::make_shared<entry>(times_of({}, e));
    shown->from = e.from;
    if (terms.calls_of) shown->fresh_for = fresh_for_now(kept, s, terms, name, e);
    return shown;
}

std::string joined(const std::vector<std::string>& list)
{
    std::string text;
    for (const std::string& one : list) text += (text.empty() ? "" : ", ") + one;
    return text;
}

}  // namespace

std::span<const admin::page> admin::pages()
{
    static constexpr page all[] = {
        {"GET", "/", &admin::front_page, nullptr},      {"GET", "/healthz", &admin::health, nullptr},
        {"GET", "/readyz", &admin::readiness, nullptr}, {"GET", "/metrics", nullptr, &admin::metrics},
        {"GET", "/stats", nullptr, &admin::stats},      {"GET", "/explain/{id}", nullptr, &admin::explain},
        {"POST", "/purge", nullptr, &admin::purge},     {"POST", "/reload", nullptr, &admin::reload},
        {"POST", "/resume", nullptr, &admin::resume},
    };
    return all;
}

// The page that a request is of, or why there is none.
admin::found admin::find(const request& r) const
{
    if (!is_for_probes(r.target))
    {
        auto token = parts_.token.current();
        const server_settings& s = parts_.config->server;
        auto refused = refuse_stranger(r, s.admin, token.get(), s.hosts);
        if (refused && refused->status == 401 && r.has_authorization)
            parts_.out.warn("somebody showed a wrong token at the admin address (server.admin_token_file)");
        if (refused) return {nullptr, std::move(*refused)};
    }
    std::vector<std::string> allowed, known;
    for (const page& p : pages())
    {
        known.push_back(std::string(p.method) + " " + std::string(p.path));
        if (!is_of(r.target, p.path)) continue;
        if (is_method_of(r.method, p.method)) return {&p, {}};
        allowed.push_back(p.method == "GET" ? "GET, HEAD" : std::string(p.method));
    }
    if (allowed.empty()) return {nullptr, own_answer(404, "there is no such page; there are " + joined(known))};
    reply refused = own_answer(405, "this is done with " + joined(allowed));
    refused.fields.emplace_back("Allow", joined(allowed));
    return {nullptr, std::move(refused)};
}

bool admin::answer_now(response_context& c)
{
    found f = find(c.asked);
    if (f.what && !f.what->now) return false;
    write_reply(c.out, f.what ? (this->*f.what->now)(c.asked) : f.refused, c.mode, parts_.clock.wall());
    return true;
}

task<void> admin::answer(response_context& c, conversation& with)
{
    found f = find(c.asked);  // again: meanwhile the token may have been taken back
    reply answer = std::move(f.refused);
    if (f.what) answer = co_await (this->*f.what->later)(c.asked, with);
    c.mode.keep_alive = c.mode.keep_alive && !answer.close;
    write_reply(c.out, std::move(answer), c.mode, parts_.clock.wall());
}

reply admin::health(const request&) const
{
    return json(200, "{\"status\":\"ok\"}");
}

reply admin::readiness(const request&) const
{
    return parts_.ready.load() ? json(200, "{\"status\":\"ready\"}") : json(503, "{\"status\":\"not ready\"}");
}

reply admin::front_page(const request&) const
{
    return status_page();
}

task<reply> admin::metrics(const request&, conversation&)
{
    overview now = co_await parts_.sight.now();
    reply r;
    r.status = 200;
    r.fields = {{"Content-Type", metrics_type}, {"Cache-Control", "no-store"}};
    r.body = metrics_document(now);
    co_return r;
}

task<reply> admin::stats(const request&, conversation&)
{
    overview now = co_await parts_.sight.now();
    co_return json(200, stats_document(now));
}

task<reply> admin::resume(const request&, conversation&)
{
    overview before = co_await parts_.sight.now();
    auto resume = [this](auto done) { parts_.misses.resume([done]() mutable { done(true); }); };
    co_await call_back<bool>(resume);
    overview now = co_await parts_.sight.now();
    co_return json(200, stats_document(now, before.upstream.spending.paused_for > duration(0)));
}

// Of a call by its id, of a kept route by its path; with a tool's name before it as in a base URL: /explain/@etl/1.
task<reply> admin::explain(const request& r, conversation&)
{
    const settings& s = *parts_.config;
    std::string target(r.target.substr(r.target.find('/', 1)));
    std::size_t id_at = target.rfind('/') + 1;
    bool is_alone = id_at == 1 || (target.starts_with("/@") && target.find('/', 1) == id_at - 1);
    bool is_id = is_alone && is_call_id(std::string_view(target).substr(id_at));
    if (is_id) target.insert(id_at - 1, "/v2/calls");
    routed to = route_target(target, true, s.cache.routes);
    if (to.what != route::lookup && to.what != route::kept)
        co_return own_answer(404, "this is neither a call's id, of 1 to 20 digits, nor a path that cache.routes keeps");

    circumstances c;
    c.name = to.name;
    c.tool = to.tool;
    c.erasure = parts_.kept.erasure();
    std::vector<partition_ptr> all = parts_.known.all();
    std::set<const partition*> companies;
    for (const partition_ptr& p : all) companies.insert(p->company().get());
    std::erase_if(all, [&](const partition_ptr& p) { return p->id() == 0 || companies.contains(p.get()); });
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a->confirmed_at() > b->confirmed_at(); });
    if (all.size() > explained_max) all.resize(explained_max);

    std::vector<lookup> asked;
    auto ask_as = [&](partition_ptr whose, entry_ptr kept) {
        lookup l;
        l.id = c.name;
        l.kept_by = to.kept_by;
        l.whose = std::move(whose);
        l.tool = c.tool;
        l.seen = std::move(kept);
        set_patience(l, s);
        asked.push_back(std::move(l));
    };
    bool hangs = false;  // the disk: then what is on it alone is not shown
    for (const partition_ptr& p : all)
    {
        entry_ptr kept = parts_.kept.find_in_memory(*p, c.name);
        if (!kept && !hangs)
        {
            auto found = co_await find_in_time(parts_.kept, p, c.name, parts_.clock);
            hangs = !found;
            kept = found.value_or(nullptr);
        }
        if (!kept) continue;
        c.copies.push_back({opaque_name(*p), p->confirmed_at(), kept, {}});
        ask_as(p, kept);
    }
    if (!all.empty()) c.stranger = opaque_name(*all.front());
    if (!all.empty()) c.stranger_confirmed_at = all.front()->confirmed_at();
    if (c.copies.empty()) ask_as(all.empty() ? nullptr : all.front(), nullptr);

    if (to.what == route::lookup && !hangs) c.views = co_await find_views(c.name, all);

    auto ask_ahead = [&](auto done) { parts_.misses.ask_forecasts(std::move(asked), std::move(done)); };
    std::vector<forecast> ahead = co_await call_back<std::vector<forecast>>(ask_ahead);
    for (std::size_t i = 0; i < c.copies.size(); ++i) c.copies[i].ahead = std::move(ahead[i]);
    if (c.copies.empty()) c.ahead = std::move(ahead.front());
    co_return json(200, explanation_document(c, s, parts_.clock.wall()));
}

// What is kept of a call beside the call itself, under these credentials.
task<std::vector<known_view>> admin::find_views(const std::string& id, const std::vector<partition_ptr>& all)
{
    std::vector<known_view> views;
    auto names = co_await find_queries_in_time(parts_.kept, id, parts_.clock);
    std::size_t finds = 0;
    for (const std::string& name : names.value_or(std::vector<std::string>()))
        for (const partition_ptr& p : all)
        {
            entry_ptr kept = parts_.kept.find_in_memory(*p, name);
            if (!kept && ++finds <= counted_finds_max)
                kept = (co_await find_in_time(parts_.kept, p, name, parts_.clock)).value_or(nullptr);
            if (!kept) continue;
            const partition_ptr calls_of = parts_.known.calls_of(*p);
            views.push_back({name,
                             {opaque_name(calls_of ? *calls_of : *p),
                              p->confirmed_at(),
                              as_served(parts_.kept, *parts_.config, calls_of, name, *kept),
                              {}}});
        }
    co_return views;
}

// Acknowledged once it is durable.
task<reply> admin::purge(const request&, conversation& with)
{
    auto body = co_await read_body(with);
    if (auto* refused = std::get_if<reply>(&body)) co_return std::move(*refused);
    auto read = read_purge_order(std::get<std::string>(body));
    if (auto* wrong = std::get_if<std::string>(&read)) co_return own_answer(400, *wrong);
    auto& order = std::get<purge_order>(read);
    std::optional<std::uint64_t> kept;
    if (!order.all)
    {
        kept = co_await count_kept(parts_.kept, parts_.known.all(), order.names, parts_.clock);
    }
    else if (parts_.kept.memory().entries() == 0 && parts_.kept.disk().current().entries == 0)
        kept = 0;  // more is not known: what was purged before is deleted later
    auto purged = order.all ? purge_all_in_time(parts_.kept, parts_.clock)
                            : purge_in_time(parts_.kept, order.names, parts_.clock);
    auto durable = co_await std::move(purged);
    parts_.out.info("the operator purged what was kept",
                    {{"calls", order.all ? "all" : std::to_string(order.names.size())}});
    if (!durable.value_or(false))
        co_return own_answer(503, "what was asked for is not served any more, but the database cannot be written" +
                                      std::string(durable ? "" : ", as its disk hangs") +
                                      ": it is deleted there once it can be, and forgotten by a restart before that");
    auto put = [&](json_text& to) {
        order.all ? to("purged", "all") : to("purged", order.names.size());
        to("kept", kept);
    };
    co_return json(200, json_line(put));
}

task<reply> admin::reload(const request&, conversation&)
{
    auto read = [this](auto done) { parts_.reload(std::move(done)); };
    reloaded r = co_await call_back<reloaded>(read);
    auto put = [&](json_text& to) {
        to("changed", r.changed);
        to("needs_restart", r.needs_restart);
    };
    if (r.problems.empty()) co_return json(200, json_line(put));
    std::string why;
    for (const config_problem& p : r.problems) why += "; " + p;
    co_return own_answer(422, "the configuration stays as it was" + why);
}

void admin::mistake(std::string_view what)
{
    parts_.out.error("a mistake in callcache", {{"what", std::string(what)}});
}

void admin::refuse(const refused_head& refused, bool head_only, outgoing& out)
{
    reply r = own_answer(refused.status, refused.text);
    if (refused.retry_after > 0) r.fields.emplace_back("Retry-After", std::to_string(refused.retry_after));
    r.close = true;
    reply_mode mode;
    mode.head_only = head_only;
    write_reply(out, r, mode, parts_.clock.wall());
}

}  // namespace callcache
