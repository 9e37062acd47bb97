#include "server/commands/live_check.hpp"

#include "cache/asked_calls.hpp"
#include "cache/call_answer.hpp"
#include "cache/rfc3339.hpp"
#include "server/commands/metered_client.hpp"
#include "server/fetch/bulk_reads.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/own_host.hpp"
#include "server/version.hpp"

#include <cstdio>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

constexpr std::size_t answer_bytes_max = 8 << 20;  // a page of a hundred calls is a tenth of a megabyte

const char* name_of(connect_step s)
{
    switch (s)
    {
    case connect_step::name: return "DNS";
    case connect_step::tcp: return "connection";
    case connect_step::tunnel: return "proxy";
    case connect_step::tls: return "TLS";
    }
    return "";
}

std::string hint(connect_step failed, bool proxied)
{
    switch (failed)
    {
    case connect_step::name:
    case connect_step::tcp:
        return proxied
                   ? "; is upstream.proxy (or HTTPS_PROXY) right?"
                   : "; is upstream.url right, and may this machine go there? Where a company proxy is the only way "
                     "out, set upstream.proxy";
    case connect_step::tunnel: return "";
    case connect_step::tls:
        return "; is upstream.url Gong's host? Where a company looks into TLS, put its certificate authority into a "
               "file and set upstream.ca_file";
    }
    return "";
}

// One connection's steps, each told once, also where several addresses are tried.
struct step_teller
{
    const live_check& check;
    int reached = -1;  // the furthest step so far

    void operator()(connect_step s, const std::string& detail)
    {
        if (int(s) <= reached) return;
        reached = int(s);
        check.say(std::string(name_of(s)) + ": ok: " + detail);
    }

    void failed(const upstream_failure& f) const
    {
        auto s = connect_step(reached + 1);
        if (s == connect_step::tunnel && !check.to.proxy) s = connect_step::tls;
        check.say(std::string(name_of(s)) + ": failed: " + f.text + hint(s, check.to.proxy.has_value()));
    }
};

// The id of one of a list's calls; empty if there is none.
std::string first_id(const std::string& list)
{
    auto read = read_bulk_answer(list, bulk_kind::list);
    return read && !read->calls.empty() ? read->calls[0].id : "";
}

std::string request(const live_check& c, const std::string& method_and_target, const std::string& body = "")
{
    std::string text =
        method_and_target + " HTTP/1.1\r\nHost: " + c.to.vendor.authority() + "\r\nAuthorization: " + c.authorization +
        "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" + version + "\r\n";
    if (!body.empty())
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

// Why an answer is neither yes nor no; empty if it is one of these: 200, 404 or 403 in the vendor's shape, or 401.
// `is_answer`: true of a 200 or 404 that answers what was asked.
std::string unclear(const live_check& c, const upstream_result& r,
                    const std::function<bool(const upstream_answer&)>& is_answer)
{
    if (auto* f = std::get_if<upstream_failure>(&r)) return f->text;
    const auto& a = std::get<upstream_answer>(r);
    std::string status = "Gong answered " + std::to_string(a.status);
    if (const std::string host = redirects_to(a, c.to.vendor); !host.empty())
        return status + ", a redirect to " + host + ". If that is your company's API host, set it with --upstream " +
               host + " or upstream.url";
    const std::string* wait = a.find("retry-after");
    if (a.status == 429)
        return status + ": the company's API calls are used up for now" +
               (wait ? "; it asks everyone to wait for " + *wait + " s" : "") +
               ". callcache keeps to that from its next start on";
    if (a.status == 401) return "";
    if (a.status != 200 && a.status != 403 && a.status != 404) return status + "; ask again later";
    bool is_gongs = a.status == 403 ? is_vendor_error(a.body) : is_answer(a);
    return is_gongs ? "" : status + ", but not as Gong does; is upstream.url Gong's host?";
}

bool tell_credential(const live_check& c, const upstream_result& r)
{
    std::string why = unclear(c, r, [&](const upstream_answer& a) {
        if (c.id.empty()) return classify_bulk(a, bulk_kind::list).is_vendors_word;
        meaning what = classify(a, c.id).what;
        return what == meaning::found || what == meaning::not_found;
    });
    if (why.empty())
    {
        unsigned status = std::get<upstream_answer>(r).status;
        if (status == 401) why = "Gong refuses it (401). If it is right, " + own_host_hint(c.to.vendor);
        if (status == 403)
            why = "Gong accepts it, but does not let it read calls (403); it needs the scope api:calls:read:basic, and "
                  "this machine's address must be one that Gong trusts for it. If both are so, " +
                  own_host_hint(c.to.vendor);
        if (status == 404 && !c.id.empty())
            c.say("credential: ok: Gong accepts it, and knows no call " + c.id +
                  " (404; so it says too while a call is still being processed)");
        else if (status == 404)
            c.say("credential: ok: Gong accepts it, and has no call of the last day (404)");
        else if (status == 200)
            c.say("credential: ok: Gong accepts it");
    }
    if (!why.empty()) c.say("credential: failed: " + why);
    return why.empty();
}

bool tell_bulk(const live_check& c, const upstream_result& r)
{
    std::string why =
        unclear(c, r, [](const auto& a) { return classify_bulk(a, bulk_kind::extensive).how == bulk_end::read; });
    if (!why.empty()) return c.say("bulk reads: failed: " + why), false;
    unsigned status = std::get<upstream_answer>(r).status;
    if (status == 200 || status == 404) return c.say("bulk reads: ok: up to 100 calls for one API call"), true;
    char rate[32];
    std::snprintf(rate, sizeof rate, "%g", c.config.budget.rate);
    c.say("bulk reads: warning: bulk reads refused (" + std::to_string(status) + "): lookups will go singly, " + rate +
          " a second; they need the scope api:calls:read:extensive");
    return true;
}

}  // namespace

task<bool> live_check::run()
{
    step_teller steps{*this};
    steady_time deadline = clock.steady() + config.upstream.connect_timeout;
    const connect_progress tell = [&](connect_step s, const std::string& detail) { steps(s, detail); };
    connected line = co_await connect(to, clock, deadline, tell);
    if (auto* f = std::get_if<upstream_failure>(&line)) co_return steps.failed(*f), false;
    if (!to.vendor.tls) say("TLS: none: upstream.url is http://");
    if (authorization.empty())
    {
        say("credential: not checked: with credentials.mode forward each tool has its own, and there is none in "
            "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET");
        co_return true;
    }
    if (auto* why = std::get_if<std::string>(&book)) co_return say("budget: failed: " + *why), false;

    metered_client sender({loop, config, clock, to, *std::get<ledger*>(book), day});
    sender.use(std::move(std::get<std::unique_ptr<transport>>(line)));
    budget_report before = sender.report();
    say("budget: ok: " +
        (before.daily == 0
             ? "there is no limit for a day"
             : std::to_string(before.left) + " of the day's " + std::to_string(before.daily) + " API calls are left") +
        "; at most 2 are spent now");

    std::string from = format_rfc3339(clock.wall() - std::chrono::hours(24)), until = format_rfc3339(clock.wall());
    std::string target = id.empty() ? "/v2/calls?fromDateTime=" + from + "&toDateTime=" + until : "/v2/calls/" + id;
    upstream_result first = co_await sender.send(request(*this, "GET " + target), answer_bytes_max);
    if (!tell_credential(*this, first)) co_return false;

    std::string known = id.empty() ? first_id(std::get<upstream_answer>(first).body) : id;
    if (known.empty())
    {
        say("bulk reads: not checked: that needs the id of a call: callcache check --live ID");
        co_return true;
    }
    std::string bulk = request(*this, "POST /v2/calls/extensive", body_of_read({known}, ""));
    upstream_result second = co_await sender.send(bulk, answer_bytes_max);
    co_return tell_bulk(*this, second);
}

}  // namespace callcache
