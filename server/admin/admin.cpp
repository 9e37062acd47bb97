#include "server/admin/admin.hpp"

#include "server/admin/access.hpp"
#include "server/admin/stats.hpp"

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

reply read_only()
{
    reply r = own_answer(405, "this is read with GET");
    r.fields.emplace_back("Allow", "GET, HEAD");
    return r;
}

}  // namespace

std::optional<reply> admin::refusal(const request& r) const
{
    if (!is_for_probes(r.target))
    {
        auto token = parts_.token.current();
        const server_settings& s = parts_.config->server;
        if (auto refused = refuse_stranger(r, s.admin, token.get(), s.hosts)) return refused;
    }
    if (r.target == "/healthz" || r.target == "/readyz")
        return r.is_get() || r.is_head() ? std::nullopt : std::optional(read_only());
    if (r.target != "/stats" && r.target != "/resume")
        return own_answer(404, "there is no such page; GET /healthz, /readyz and /stats, and POST /resume are");
    if (r.target == "/stats" && !r.is_get() && !r.is_head()) return read_only();
    if (r.target == "/resume" && r.method != "POST")
    {
        reply refused = own_answer(405, "this is done with POST");
        refused.fields.emplace_back("Allow", "POST");
        return refused;
    }
    return std::nullopt;
}

bool admin::answer_now(const request& r, const reply_mode& mode, remembered_credential&, std::string& out)
{
    reply answer;
    if (auto refused = refusal(r))
        answer = std::move(*refused);
    else if (r.target == "/healthz")
        answer = json(200, "{\"status\":\"ok\"}");
    else if (r.target == "/readyz")
    {
        bool ready = parts_.ready.load();
        answer = json(ready ? 200 : 503, ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not ready\"}");
    }
    else
        return false;  // the brain knows
    write_reply(out, answer, mode, parts_.clock.wall());
    return true;
}

task<void> admin::answer(const request& r, reply_mode& mode, remembered_credential&, conversation&, std::string& out)
{
    if (r.target == "/resume")
    {
        auto resume = [this](auto done) { parts_.misses.resume([done]() mutable { done(true); }); };
        co_await call_back<bool>(resume);
    }
    auto ask = [this](auto done) { parts_.misses.ask_report(std::move(done)); };
    auto now = co_await call_back<upstream_report>(ask);
    write_reply(out, json(200, stats_document(now, parts_.clock.wall())), mode, parts_.clock.wall());
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
