#include "server/admin/admin.hpp"

#include "server/admin/access.hpp"
#include "server/admin/metrics.hpp"
#include "server/admin/stats.hpp"
#include "server/admin/status_page.hpp"

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
        {"GET", "/healthz", &admin::health, nullptr},  {"GET", "/readyz", &admin::readiness, nullptr},
        {"GET", "/metrics", nullptr, &admin::metrics}, {"GET", "/stats", nullptr, &admin::stats},
        {"GET", "/", &admin::front_page, nullptr},     {"POST", "/resume", nullptr, &admin::resume},
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
        if (auto refused = refuse_stranger(r, s.admin, token.get(), s.hosts)) return {nullptr, std::move(*refused)};
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

bool admin::answer_now(const request& r, const reply_mode& mode, remembered_credential&, std::string& out)
{
    found f = find(r);
    if (f.what && !f.what->now) return false;
    write_reply(out, f.what ? (this->*f.what->now)(r) : f.refused, mode, parts_.clock.wall());
    return true;
}

task<void> admin::answer(const request& r, reply_mode& mode, remembered_credential&, conversation& with,
                         std::string& out)
{
    found f = find(r);  // again: meanwhile the token may have been taken back
    reply answer = std::move(f.refused);
    if (f.what) answer = co_await (this->*f.what->later)(r, with);
    mode.keep_alive = mode.keep_alive && !answer.close;
    write_reply(out, answer, mode, parts_.clock.wall());
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

task<reply> admin::resume(const request& r, conversation& with)
{
    auto resume = [this](auto done) { parts_.misses.resume([done]() mutable { done(true); }); };
    co_await call_back<bool>(resume);
    co_return co_await stats(r, with);
}

void admin::mistake(std::string_view what)
{
    parts_.out.error("a mistake in callcache", {{"what", std::string(what)}});
}

void admin::refuse(const refused_head& refused, bool head_only, std::string& out)
{
    reply r = own_answer(refused.status, refused.text);
    if (refused.retry_after > 0) r.fields.emplace_back("Retry-After", std::to_string(refused.retry_after));
    r.close = true;
    reply_mode mode;
    mode.head_only = head_only;
    write_reply(out, r, mode, parts_.clock.wall());
}

}  // namespace callcache
