// Whose data each credential sees, for how long, and who may ask at all.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string etl_token = "0123456789abcdef-etl", agent_token = "0123456789abcdef-agent";
const std::string as_etl = "Bearer " + etl_token, as_agent = "Bearer " + agent_token;

// `inject`, with a token for each of two tools.
struct named_tools : harness
{
    named_tools()
    {
        config.credentials = {.mode = credentials_mode::inject, .access_key = "key", .access_key_secret = "secret"};
        config.credentials.clients_file = folder.file("clients");
        std::ofstream(config.credentials.clients_file)
            << "{\"etl\": \"" << etl_token << "\", \"agent\": \"" << agent_token << "\"}";
    }

    // How often a tool of that name was answered, whatever it asked for.
    std::uint64_t answered(std::string_view tool) const
    {
        std::uint64_t sum = 0;
        for (const auto& [key, n] : cache->counts().total().requests) sum += std::get<2>(key) == tool ? n : 0;
        return sum;
    }
};

std::size_t occurrences(std::string_view text, std::string_view part)
{
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: credentials");

TEST_CASE("two credentials never see each other's entries: hit, stale, collapsed, negative, after a restart")
{
    harness w;
    w.start();
    std::string id = w.id(1);
    w.vendor->forbid(other_authorization, id);
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.get(w.path(1), {}, other_authorization).status == 403);  // its own answer, and not the other's entry
    CHECK(w.vendor->requests(id) == 2);
    CHECK(w.get(w.path(1), {{"Cache-Control", "only-if-cached"}}, other_authorization).status == 504);

    w.clock.advance(400s);  // stale
    CHECK(w.get(w.path(1), {}, other_authorization).status == 403);
    w.vendor->go_down();  // and not because of an error either
    w.clock.advance(3h);
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.get(w.path(1), {}, other_authorization).status == 502);
    w.vendor->come_up();

    w.vendor->hold(w.id(2));
    tool one(w), two(w);
    one.send(w.request("GET", w.path(2)));
    two.send(w.request("GET", w.path(2), {}, other_authorization));
    w.run_until([&] { return w.cache->misses().waiting(w.id(2)) == 2; });
    w.vendor->release(w.id(2));
    CHECK(one.read().cache("collapsed") == "");
    CHECK(two.read().cache("collapsed") == "");
    CHECK(w.vendor->requests(w.id(2)) == 2);

    w.vendor->remove(w.id(3));
    CHECK(w.get(w.path(3)).status == 404);
    w.vendor->remove(w.id(3), false);
    CHECK(w.get(w.path(3), {}, other_authorization).status == 200);

    w.start();
    CHECK(w.get(w.path(1), {}, other_authorization).status == 403);
    CHECK(w.get(w.path(1), {}, "Bearer a2V5OnNlY3JldA==").status == 401);  // the same text, another scheme
}

TEST_CASE("the same connection with another credential is another caller")
{
    harness w;
    w.start();
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    CHECK(t.read().status == 200);
    t.send(w.request("GET", w.path(1), {}, other_authorization));
    CHECK(t.read().cache("fwd") == "miss");
    t.send(w.request("GET", w.path(1)));
    CHECK(t.read().cache("hit") == "hit");
}

TEST_CASE("the same file behind another upstream gives no hit")
{
    harness w;
    w.start();
    w.get(w.path(1));
    w.stop();
    w.vendor_options.port = 0;
    sim::vendor elsewhere(w.loop.get_executor(), w.vendor_options, w.clock);
    w.config.upstream.url = "http://127.0.0.1:" + std::to_string(elsewhere.port());
    w.start();
    CHECK(w.get(w.path(1)).cache("fwd") == "miss");
    CHECK(elsewhere.requests() == 1);
}

TEST_CASE("a 401 ends a credential's trust at once: what was kept under it is not read any more")
{
    harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->withdraw(authorization);
    CHECK(w.get(w.path(1)).status == 200);  // nobody has told yet
    CHECK(w.get(w.path(2)).status == 401);
    CHECK(w.get(w.path(1)).status == 401);
    w.start();
    CHECK(w.get(w.path(1)).status == 401);  // durable
    w.clock.advance(11s);                   // the vendor is asked again
    w.vendor->go_down();
    CHECK(w.get(w.path(1)).status == 502);  // an outage brings no trust back
    w.vendor->come_up();
    w.vendor->allow(authorization);
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    CHECK(w.out.text().find("--upstream") != std::string::npos);  // the first 401 says how to set another host
}

TEST_CASE("a 401 that is a page is somebody else's on the way: it ends no trust, and is not handed on")
{
    harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->script(w.id(2), sim::scripted{"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\n"
                                            "Content-Length: 6\r\n\r\n<html>"});
    for (int times = 0; times < 2; ++times)
    {
        answer a = w.get(w.path(2));
        CHECK(a.status == 502);
        CHECK(a.body.find("answered 401 in a shape that is not Gong's") != std::string::npos);
    }
    CHECK(w.vendor->requests(w.id(2)) == 2);  // the credential was not remembered as refused
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("a 403 drops that entry alone")
{
    harness w;
    w.start();
    w.get(w.path(1));
    w.get(w.path(2));
    w.vendor->forbid(authorization, w.id(1));
    w.clock.advance(400s);
    w.get(w.path(1));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 2 && w.cache->misses().report().flights == 0; });
    CHECK(w.get(w.path(1)).status == 403);
    CHECK(w.get(w.path(2)).status == 200);
    w.vendor->go_down();
    w.start();
    CHECK(w.get(w.path(1)).status == 502);
    CHECK(w.get(w.path(2)).status == 200);
}

TEST_CASE("a 403 or 404 of somebody on the way drops nothing: what is kept is served, and nothing else is handed on")
{
    for (const char* status : {"403 Forbidden", "404 Not Found"})
        for (const char* body : {"{\"message\":\"no Route matched\"}", "<html>blocked</html>"})
        {
            CAPTURE(status);
            CAPTURE(body);
            harness w;
            w.start();
            std::string call = harness::call_of(w.get(w.path(1)));
            std::string bytes = "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: application/json\r\n" +
                                "Content-Length: " + std::to_string(std::string(body).size()) + "\r\n\r\n" + body;
            w.vendor->script("", sim::scripted{bytes});
            w.clock.advance(400s);  // stale: refreshed in the background
            w.get(w.path(1));
            w.run_until([&] { return w.vendor->requests(w.id(1)) == 2 && w.cache->misses().report().flights == 0; });
            w.clock.advance(2h);  // beyond its stale window: asked for, and kept for when that fails
            answer a = w.get(w.path(1));
            CHECK(a.cache("detail") == "error");
            CHECK(harness::call_of(a) == call);
            a = w.get(w.path(2));
            CHECK(a.status == 502);
            CHECK(a.body.find("something on the way answers in its place") != std::string::npos);
            w.start();
            CHECK(harness::call_of(w.get(w.path(1))) == call);
            w.vendor->script("", std::nullopt);
            CHECK(w.get(w.path(2)).status == 200);  // nothing was remembered against the call
        }
}

TEST_CASE("trust is renewed in the background from 80 % on, and beyond twice the time a request waits for the vendor")
{
    harness w;
    w.config.cache.calls.fresh_min = 24h;  // so that only trust is at work
    w.start();
    w.get(w.path(1));
    w.clock.advance(47min);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.run_for_a_while();
    CHECK(w.vendor->requests() == 1);
    w.clock.advance(2min);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.run_until([&] { return w.vendor->requests() == 2 && w.cache->misses().report().flights == 0; });
    w.clock.advance(47min);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.run_for_a_while();
    CHECK(w.vendor->requests() == 2);
    w.clock.advance(2h);
    w.vendor->withdraw(authorization);
    CHECK(w.get(w.path(1)).status == 401);
}

TEST_CASE("one call renews a credential's trust, however many kept calls are asked for meanwhile")
{
    harness w;
    w.config.cache.calls.fresh_min = 24h;
    w.start();
    for (std::uint64_t n = 100; n < 150; n += 2) w.get(w.path(n));
    std::size_t before = w.vendor->requests();
    w.clock.advance(50min);
    w.vendor->hold(w.id(100));
    for (std::uint64_t n = 100; n < 150; n += 2) CHECK(w.get(w.path(n)).cache("hit") == "hit");
    w.run_for_a_while();
    CHECK(w.vendor->requests() == before + 1);
    w.vendor->release(w.id(100));
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    for (std::uint64_t n = 100; n < 150; n += 2) CHECK(w.get(w.path(n)).cache("hit") == "hit");
    w.run_for_a_while();
    CHECK(w.vendor->requests() == before + 1);
}

TEST_CASE("a 403 for one call leaves what is fetched at the same time to be kept")
{
    harness w;
    w.start();
    w.get(w.path(9));
    w.vendor->forbid(authorization, w.id(1));
    w.vendor->hold(w.id(2));
    tool t(w);
    t.send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.vendor->requests(w.id(2)) == 1; });
    CHECK(w.get(w.path(1)).status == 403);
    w.vendor->release(w.id(2));
    CHECK(t.read().cache("stored") == "stored");
}

TEST_CASE("an outage extends trust by cache.calls.stale_if_error, and no more")
{
    harness w;
    w.config.cache.calls.fresh_min = 30 * 24h;
    w.config.cache.calls.fresh_max = 30 * 24h;
    w.config.cache.calls.stale_if_error = 24h;
    w.start();
    w.get(w.path(1));
    w.vendor->go_down();
    w.clock.advance(25h);
    CHECK(w.get(w.path(1)).status == 200);
    w.clock.advance(2h);
    CHECK(w.get(w.path(1)).status == 502);
}

TEST_CASE("inject: the proxy's credential goes upstream, whatever the tool sends, and shows nowhere")
{
    harness w;
    std::ofstream(w.folder.file("key")) << "key\n";
    std::ofstream(w.folder.file("secret")) << "secret\n";
    w.config.credentials.mode = credentials_mode::inject;
    w.config.credentials.access_key_file = w.folder.file("key");
    w.config.credentials.access_key_secret_file = w.folder.file("secret");
    w.start();
    CHECK(w.get(w.path(1), {}, "").status == 200);
    CHECK(w.get(w.path(1), {}, "Bearer something").cache("hit") == "hit");
    CHECK(w.vendor->heads()[0].find("Authorization: " + authorization + "\r\n") != std::string::npos);
    CHECK(w.out.text().find("secret") == std::string::npos);

    SUBCASE("a secret that is replaced by rename is picked up, and the entries stay its own")
    {
        std::ofstream(w.folder.file("new")) << "rotated";
        std::filesystem::rename(w.folder.file("new"), w.folder.file("secret"));
        w.vendor->withdraw(authorization);
        w.vendor->allow(sim::basic("key", "rotated"));
        w.cache->look_after(w.clock.wall());
        CHECK(w.get(w.path(1), {}, "").cache("hit") == "hit");
        CHECK(w.get(w.path(2), {}, "").status == 200);
    }
    SUBCASE("a file that is gone leaves the credential in use")
    {
        std::filesystem::remove(w.folder.file("secret"));
        w.cache->look_after(w.clock.wall());
        CHECK(w.get(w.path(2), {}, "").status == 200);
    }
}

TEST_CASE("inject: a bearer token's file that is replaced finds what was kept, and a name finds it under a key too")
{
    harness w;
    w.vendor_options.keys["Bearer one"] = w.vendor_options.keys["Bearer two"] = {};
    const std::string file = w.folder.file("token");
    std::ofstream(file) << "one";
    w.config.credentials = {.mode = credentials_mode::inject, .bearer_token_file = file};
    bool named = false;
    SUBCASE("without a name") {}
    SUBCASE("with a name")
    {
        named = true;
    }
    if (named) w.config.credentials.name = "gong";
    w.start();
    CHECK(w.get(w.path(1), {}, "").status == 200);
    std::ofstream(file + "-new") << "two";
    std::filesystem::rename(file + "-new", file);
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(1), {}, "").cache("hit") == "hit");
    CHECK(w.get(w.path(2), {}, "").status == 200);
    CHECK(w.vendor->heads().back().find("Authorization: Bearer two\r\n") != std::string::npos);
    CHECK(w.vendor->requests() == 2);

    w.config.credentials = {.mode = credentials_mode::inject, .access_key = "key", .access_key_secret = "secret"};
    if (named) w.config.credentials.name = "gong";
    w.start();
    CHECK((w.get(w.path(1), {}, "").cache("hit") == "hit") == named);
}

TEST_CASE("inject: no web page, no rebinding name and no preflight gets through")
{
    harness w;
    w.config.credentials.mode = credentials_mode::inject;
    w.config.credentials.access_key = "key";
    w.config.credentials.access_key_secret = "secret";
    w.config.server.hosts = {"callcache.internal"};
    w.start();
    auto with_host = [&](const std::string& host) {
        return w.raw("GET " + w.path(1) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
    };
    CHECK(with_host("evil.example") == 421);
    CHECK(with_host("localhost.evil.example") == 421);
    CHECK(with_host("169.254.169.254") == 421);
    CHECK(w.get(w.path(1), {{"Origin", "https://evil.example"}}).status == 403);
    CHECK(w.get(w.path(1), {{"Origin", "null"}}).status == 403);
    CHECK(w.get(w.path(1), {{"Sec-Fetch-Site", "cross-site"}}).status == 403);
    CHECK(w.get(w.path(1), {{"Sec-Fetch-Site", "same-origin"}}).status == 403);
    CHECK(w.send("OPTIONS", w.path(1)).status == 403);
    CHECK(w.vendor->requests() == 0);
    CHECK(with_host("localhost:4664") == 200);
    CHECK(with_host("127.0.0.1") == 200);
    CHECK(with_host("[::1]:4664") == 200);
    CHECK(with_host("CallCache.Internal:80") == 200);
    CHECK(w.get(w.path(1), {{"Sec-Fetch-Site", "none"}}).status == 200);
}

TEST_CASE("inject: a credential that cannot be read is a start that fails, and says which file")
{
    harness w;
    w.config.credentials.mode = credentials_mode::inject;
    w.config.credentials.bearer_token_file = w.folder.file("absent");
    CHECK(w.start_refused().find("credentials.bearer_token_file") != std::string::npos);
    std::ofstream(w.folder.file("absent")) << "\n";
    CHECK(w.start_refused().find("is empty") != std::string::npos);
    std::ofstream(w.folder.file("absent")) << "a\r\nX-Evil: b";
    CHECK(w.start_refused().find("more than one line") != std::string::npos);
}

TEST_CASE(
    "inject with named tools: a known token reads, goes no further, and names the tool; a swapped file counts at once")
{
    harness w;
    const std::string one = "0123456789abcdef-one", two = "0123456789abcdef-two";
    auto write = [&](const std::string& name, const std::string& json) {
        std::ofstream(w.folder.file(name)) << json;
        return w.folder.file(name);
    };
    w.config.credentials = {.mode = credentials_mode::inject, .access_key = "key", .access_key_secret = "secret"};
    w.config.credentials.clients_file = write("clients", "{\"etl\": \"" + one + "\"}");
    w.start();
    CHECK(w.get(w.path(1), {}, "Bearer " + one).status == 200);
    CHECK(w.get(w.path(1), {}, sim::basic("etl", one)).cache("hit") == "hit");
    CHECK(w.vendor->requests() == 1);
    CHECK(w.vendor->heads().back().find(one) == std::string::npos);
    CHECK(w.vendor->heads().back().find(authorization) != std::string::npos);
    CHECK(w.out.text().find("tool=etl") != std::string::npos);
    for (const std::string& stranger : {std::string(), "Bearer " + two, authorization})
    {
        answer a = w.get(w.path(1), {}, stranger);
        CHECK(a.status == 401);
        CHECK(a.has("www-authenticate"));
        CHECK(a.body.find(stranger.empty() ? "show this tool's token" : "not known") != std::string::npos);
    }
    CHECK(w.vendor->requests() == 1);

    // A connection that is open already is no older than the list.
    tool open(w);
    open.send(w.request("GET", w.path(1), {}, "Bearer " + one));
    CHECK(open.read().status == 200);
    std::filesystem::rename(write("clients-new", "{\"etl\": \"" + two + "\"}"), w.folder.file("clients"));
    w.cache->look_after(w.clock.wall());
    open.send(w.request("GET", w.path(1), {}, "Bearer " + one));
    CHECK(open.read().status == 401);
    CHECK(w.get(w.path(1), {}, "Bearer " + two).status == 200);
    CHECK(w.out.text().find("the tools' tokens were read again tools=1") != std::string::npos);

    // One that cannot be read changes nothing.
    write("clients", "{\"etl\": ");
    w.cache->look_after(w.clock.wall());
    CHECK(w.get(w.path(1), {}, "Bearer " + two).status == 200);
    CHECK(w.out.text().find("what was read before stays in use") != std::string::npos);
    CHECK(w.out.text().find(two) == std::string::npos);
}

TEST_CASE("a tool's Connection field cannot take the credential away from what goes upstream")
{
    named_tools injecting;
    harness forwarding;
    const std::vector<std::pair<harness*, std::string>> both{{&injecting, as_etl}, {&forwarding, authorization}};
    for (const auto& [w, shown] : both)
    {
        w->start();
        for (const char* names : {"authorization", "Authorization, close", "close,\tAUTHORIZATION ,x"})
        {
            CAPTURE(names);
            CHECK(w->get("/v2/users", {{"Connection", names}}, shown).status == 200);
            const std::string& head = w->vendor->heads().back();
            CAPTURE(head);
            CHECK(occurrences(head, "Authorization: ") == 1);
            CHECK(occurrences(head, "\r\nAuthorization: " + authorization + "\r\n") == 1);
        }
        CHECK(w->get("/v2/users", {{"Connection", "close"}, {"Connection", "authorization"}}, shown).status == 200);
    }
    // Nobody has to answer for a 401 that nobody earned.
    CHECK(injecting.get("/v2/users", {}, as_agent).status == 200);
    CHECK(injecting.get(injecting.path(1), {}, as_agent).status == 200);
}

TEST_CASE("a tool with a token of its own has that name, whatever its base URL says: its share of the day ends there")
{
    named_tools w;
    w.config.budget.tools["etl"].daily = 1;
    w.config.log.access = log_access::all;
    w.start();
    CHECK(w.get("/@agent" + w.path(1), {}, as_etl).status == 200);
    CHECK(w.vendor->heads().back().starts_with("GET " + w.path(1) + " HTTP/1.1\r\n"));
    CHECK(w.get("/@agent" + w.path(2), {}, as_etl).status == 429);
    CHECK(w.get("/@agent/v2/users", {}, as_etl).status == 429);
    CHECK(w.get("/@anybody" + w.path(2), {}, as_etl).status == 429);
    CHECK(w.vendor->requests() == 1);
    CHECK(w.cache->counts().total().requests.size() == 3);  // misses; two kinds of refusals
    CHECK(w.answered("etl") == 4);
    CHECK(occurrences(w.out.text(), "tool=etl") >= 5);  // the answers, and the one that was sent
    CHECK(occurrences(w.out.text(), "tool=a") == 0);
    answer stats = w.operate("GET", "/stats");
    CHECK(stats.body.find("\"spent_by_tool\":{\"etl\":1}") != std::string::npos);

    // And the other one has its own.
    CHECK(w.get("/@etl" + w.path(2), {}, as_agent).status == 200);
    CHECK(w.get("/@etl/v2/users", {}, as_agent).status == 200);
    CHECK(w.answered("agent") == 2);
}

TEST_CASE("a token's name counts for each request that shows it, also for one that is refused, and for no other")
{
    named_tools w;
    w.start();
    tool t(w);
    auto ask = [&](const std::string& target, const std::string& shown) {
        t.send(w.request("GET", target, {}, shown));
        return t.read().status;
    };
    CHECK(ask("/v2/calls/undefined", as_etl) == 400);
    CHECK(ask("/@etl/v2/calls/undefined", as_agent) == 400);
    CHECK(ask("/v2/../x", as_agent) == 400);
    CHECK(w.answered("etl") == 1);
    CHECK(w.answered("agent") == 2);
    CHECK(ask("/v2/calls/undefined", "Bearer nobody") == 400);
    CHECK(w.answered("agent") == 2);
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("inject with named tools: each request on a connection shows a token, and none rests on one before it")
{
    named_tools w;
    w.start();
    tool t(w);
    auto ask = [&](const std::string& shown) {
        t.send(w.request("GET", w.path(1), {}, shown));
        return t.read();
    };
    CHECK(ask(as_etl).status == 200);
    CHECK(ask(as_etl).cache("hit") == "hit");
    CHECK(ask("Bearer 0123456789abcdef-xxx").status == 401);
    CHECK(ask(as_etl).status == 200);
    CHECK(ask("").status == 401);
    CHECK(ask(as_agent).status == 200);
    CHECK(ask(as_etl + "x").status == 401);
    CHECK(ask(as_etl + "x").status == 401);
    CHECK(ask(as_agent).status == 200);
    CHECK(w.answered("agent") == 2);
    CHECK(w.answered("etl") == 3);
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("inject with named tools: a clients file that is not good is a start that fails, and says why")
{
    harness w;
    w.config.credentials = {.mode = credentials_mode::inject, .access_key = "key", .access_key_secret = "secret"};
    w.config.credentials.clients_file = w.folder.file("absent");
    CHECK(w.start_refused().find("credentials.clients_file: cannot read") != std::string::npos);
    std::ofstream(w.folder.file("short")) << R"({"etl": "short"})";
    w.config.credentials.clients_file = w.folder.file("short");
    CHECK(w.start_refused().find("a token is at least 16 characters") != std::string::npos);
}

TEST_CASE(
    "the admin address beyond loopback: probes are open, the rest needs the token, and a swapped file counts at once")
{
    harness w;
    const std::string one = "0123456789abcdef-one", two = "0123456789abcdef-two";
    w.config.server.admin = {"2130706433:0"};  // 127.0.0.1, in a spelling that is not taken for loopback
    auto ask = [&](const std::string& line, const std::string& token = "") {
        tool t(w, w.cache->admin_endpoints().front());
        std::string shown = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
        t.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + shown + "\r\n");
        return t.read().status;
    };
    w.start();
    CHECK(ask("GET /healthz") == 200);
    CHECK(ask("GET /readyz") == 200);
    CHECK(ask("GET /stats") == 403);
    CHECK(ask("GET /stats", one) == 403);
    CHECK(ask("POST /resume", one) == 403);
    CHECK(ask("GET /nothing") == 403);

    w.config.server.admin_token_file = w.folder.file("token");
    CHECK(w.start_refused().find("server.admin_token_file: cannot read") != std::string::npos);
    std::ofstream(w.folder.file("token")) << "too short\n";
    CHECK(w.start_refused().find("server.admin_token_file: a token is at least 16") != std::string::npos);
    std::ofstream(w.folder.file("token")) << one << "\n";
    w.start();
    CHECK(ask("GET /readyz") == 200);
    CHECK(ask("GET /stats") == 401);
    CHECK(ask("GET /stats", two) == 401);
    CHECK(ask("GET /stats", one) == 200);
    CHECK(ask("POST /resume", one) == 200);
    CHECK(ask("GET /nothing", one) == 404);

    std::ofstream(w.folder.file("next")) << two;
    std::filesystem::rename(w.folder.file("next"), w.folder.file("token"));
    w.cache->look_after(w.clock.wall());
    CHECK(ask("GET /stats", one) == 401);
    CHECK(ask("GET /stats", two) == 200);
    std::ofstream(w.folder.file("token")) << "no";
    w.cache->look_after(w.clock.wall());
    CHECK(ask("GET /stats", two) == 200);
    CHECK(w.out.text().find("what was read before stays in use") != std::string::npos);
}

TEST_SUITE_END();
