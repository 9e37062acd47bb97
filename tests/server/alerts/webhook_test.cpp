#include "server/alerts/webhook.hpp"

#include "tests/sim/certificate.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

// A receiver, and no proxy before it.
struct hooked : harness
{
    std::unique_ptr<sim::vendor> receiver;

    explicit hooked(const sim::vendor_options& o = {}) :
        receiver(std::make_unique<sim::vendor>(loop.get_executor(), o, clock))
    {
        receiver->script("", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    }
    webhook hook(const origin& at, std::optional<proxy_address> through = {},
                 std::shared_ptr<asio::ssl::context> tls = nullptr)
    {
        return {{loop.get_executor(), clock, out, std::move(through), std::move(tls), nullptr}, {at, "/hook"}};
    }
    origin plain() const { return {false, {"127.0.0.1", receiver->port()}}; }
};

}  // namespace

TEST_CASE("webhook: alerts keep their order, and where too many wait the oldest of those goes")
{
    hooked w;
    auto hook = w.hook(w.plain());
    std::string delivered;
    w.receiver->hold("/hook");
    for (char c = 'a'; c < 'a' + 15; ++c) hook.send(std::string(1, c), [&delivered, c] { delivered += c; });
    w.run_until([&] { return w.receiver->requests() == 1; });
    w.run_for_a_while();
    CHECK(w.receiver->requests() == 1);  // one at a time
    w.receiver->release("/hook");
    w.run_until([&] { return hook.counts().delivered == webhook::waiting_max; });
    CHECK(delivered == "aghijklmno");
    CHECK(hook.counts().given_up == 5);
    CHECK(hook.counts().failed_attempts == 0);
    CHECK(w.receiver->bodies()[1] == "{\"text\":\"g\"}");
    hook.send("z", [&delivered] { delivered += 'z'; });
    w.run_until([&] { return delivered.ends_with('z'); });
}

TEST_CASE("webhook: a receiver beyond this machine is reached through the company's proxy, one on it is not")
{
    sim::certificate_wishes wishes;
    wishes.name = "chat.example";  // nobody but the proxy knows the name
    const auto made = sim::make_certificate(wishes);
    sim::vendor_options o;
    o.tls_certificate = made.chain;
    o.tls_key = made.key;
    hooked w(o);
    std::ofstream(w.folder.file("ca.pem")) << made.authority;
    connect_proxy through(w.loop.get_executor(), w.receiver->port());
    auto beyond =
        w.hook({true, {"chat.example", 443}}, parse_proxy(through.url()), make_tls_context(w.folder.file("ca.pem")));
    beyond.send("x", [] {});
    w.run_until([&] { return beyond.counts().delivered == 1; });
    REQUIRE(through.heads().size() == 1);
    CHECK(through.heads()[0].starts_with("CONNECT chat.example:443 "));

    hooked here;
    auto own = here.hook(here.plain(), parse_proxy(through.url()));
    own.send("x", [] {});
    here.run_until([&] { return own.counts().delivered == 1; });
    CHECK(through.heads().size() == 1);
}

TEST_CASE("webhook: what waits goes to the receiver that is named meanwhile")
{
    hooked w;
    auto hook = w.hook(w.plain());
    w.receiver->go_down();
    hook.send("x", [] {});
    w.run_until([&] { return hook.counts().is_failing; });
    sim::vendor next(w.loop.get_executor(), {}, w.clock);
    next.script("", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    hook.use({{false, {"127.0.0.1", next.port()}}, "/next"});
    w.clock.advance(webhook::first_pause);
    w.run_until([&] { return hook.counts().delivered == 1; });
    CHECK(next.heads()[0].starts_with("POST /next HTTP/1.1\r\n"));
    CHECK_FALSE(hook.counts().is_failing);
}
