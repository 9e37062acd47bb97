#include "server/admin/admin.hpp"

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

}  // namespace

bool admin::answer_now(const request& r, const reply_mode& mode, remembered_credential&, std::string& out)
{
    // Probes need no token and no name: a kubelet asks by address.
    bool read = r.is_get() || r.is_head();
    reply answer;
    if (r.target == "/healthz" && read)
        answer = json(200, "{\"status\":\"ok\"}");
    else if (r.target == "/readyz" && read)
    {
        bool ready = parts_.ready.load();
        answer = json(ready ? 200 : 503, ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not ready\"}");
    }
    else if (r.target == "/healthz" || r.target == "/readyz")
    {
        answer = own_answer(405, "this is read with GET");
        answer.fields.emplace_back("Allow", "GET, HEAD");
    }
    else
        answer = own_answer(404, "there is no such page; GET /healthz and /readyz are");
    write_reply(out, answer, mode, parts_.clock.wall());
    return true;
}

task<void> admin::answer(const request&, const reply_mode&, remembered_credential&, std::string&)
{
    co_return;  // everything here is answered at once
}

void admin::mistake(std::string_view what)
{
    parts_.out.error("a mistake in callcache", {{"what", std::string(what)}});
}

void admin::refuse(const refused_head& refused, std::string& out)
{
    reply r = own_answer(refused.status, refused.text);
    if (refused.retry_after > 0) r.fields.emplace_back("Retry-After", std::to_string(refused.retry_after));
    r.close = true;
    write_reply(out, r, {}, parts_.clock.wall());
}

}  // namespace callcache
