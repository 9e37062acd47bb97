// `callcache check --live` by a simulated clock: what it says, what it spends, and that it keeps to the budget.

#include "server/commands/live_check.hpp"

#include "server/secrets/credential.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/harness.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <optional>

using namespace callcache;
using namespace callcache::test;

namespace
{

// The simulated vendor, and a check in the place of the proxy.
struct checked_harness : harness
{
    checked_harness()
    {
        clock_runs = true;
        config.budget = {};  // the vendor's real limits
        vendor_options.limits = {3, 10'000};
        vendor = std::make_unique<sim::vendor>(loop.get_executor(), vendor_options, clock);
        config.upstream.url = "http://127.0.0.1:" + std::to_string(vendor->port());
    }

    // All that it said; ends with "good" or "bad".
    std::string check(const std::string& id = "", const std::string& as = authorization)
    {
        std::string said;
        live_check c{loop.get_executor(),
                     config,
                     clock,
                     {*parse_origin(config.upstream.url), parse_proxy(config.upstream.proxy), nullptr},
                     as,
                     id,
                     book.get(),
                     {},
                     [&](const std::string& line) { said += line + "\n"; }};
        std::optional<bool> good;
        asio::co_spawn(loop, c.run(), [&](std::exception_ptr mistake, bool well) {
            if (mistake) std::rethrow_exception(mistake);
            good = well;
        });
        run_until([&] { return good.has_value(); });
        return said + (*good ? "good" : "bad");
    }

    // As if another process had it from now on.
    void reopen()
    {
        book.reset();
        auto opened = open_sqlite_ledger({folder.file("budget"), [](const std::string&) {}, {}, 10'000, clock.wall()});
        book = std::move(std::get<std::unique_ptr<ledger>>(opened));
    }

    std::unique_ptr<ledger> book = make_memory_ledger();
};

bool contains(const std::string& text, const std::string& part)
{
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

std::string answering(const std::string& status, const std::string& further, const std::string& body)
{
    return "HTTP/1.1 " + status + "\r\n" + further + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: check --live");

TEST_CASE("without an id: a list of the last day, then a bulk read of its first call; two requests and no more")
{
    checked_harness w;
    std::string said = w.check();
    CHECK(contains(said, "DNS: ok"));
    CHECK(contains(said, "TLS: none"));
    CHECK(contains(said, "budget: ok: 10000 of the day's 10000 API calls are left"));
    CHECK(contains(said, "credential: ok"));
    CHECK(contains(said, "bulk reads: ok"));
    CHECK(contains(said, "good"));
    REQUIRE(w.vendor->heads().size() == 2);
    CHECK(contains(w.vendor->heads()[0], "GET /v2/calls?fromDateTime=2026-11-23T08:0"));
    CHECK(contains(w.vendor->heads()[0], "&toDateTime=2026-11-24T08:0"));
    CHECK(contains(w.vendor->heads()[1], "POST /v2/calls/extensive HTTP/1.1\r\n"));
    CHECK(w.vendor->connections() == 1);
}

TEST_CASE(
    "with an id: its lookup, then a bulk read of it; a call that is not there says nothing against the credential")
{
    checked_harness w;
    CHECK(contains(w.check(w.id(1)), "good"));
    CHECK(w.vendor->requests(w.id(1)) == 1);
    CHECK(contains(w.vendor->heads()[1], "POST /v2/calls/extensive"));
    std::string said = w.check("123");
    CHECK(contains(said, "knows no call 123"));
    CHECK(contains(said, "bulk reads: ok"));
    CHECK(contains(said, "good"));
    CHECK(w.vendor->requests() == 4);
}

TEST_CASE("a list that holds half an emoji, or is gzipped unasked, gives the call for the bulk read like any other")
{
    checked_harness w;
    const std::string list = R"({"requestId":"r","calls":[{"id":")" + w.id(1) + R"(","title":"\ud83d"}]})";
    for (bool is_coded : {false, true})
    {
        w.vendor->script("/v2/calls", sim::scripted{answering("200 OK",
                                                              std::string("Content-Type: application/json\r\n") +
                                                                  (is_coded ? "Content-Encoding: gzip\r\n" : ""),
                                                              is_coded ? gzipped(list) : list)});
        CHECK(contains(w.check(), "bulk reads: ok"));
        CHECK(contains(w.vendor->bodies().back(), w.id(1)));
    }
}

TEST_CASE("a last day without calls is good, and says that bulk reads want an id")
{
    checked_harness w;
    w.vendor_options.catalogue.newest = w.clock.wall() - 48h;
    w.vendor = std::make_unique<sim::vendor>(w.loop.get_executor(), w.vendor_options, w.clock);
    w.config.upstream.url = "http://127.0.0.1:" + std::to_string(w.vendor->port());
    std::string said = w.check();
    CHECK(contains(said, "has no call of the last day (404)"));
    CHECK(contains(said, "bulk reads: not checked"));
    CHECK(contains(said, "good"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("a key that may not read in bulk is a warning, one that is refused a failure with the hint about the host")
{
    checked_harness w;
    w.vendor->allow(authorization, {true, false});
    std::string said = w.check();
    CHECK(contains(said, "bulk reads: warning: bulk reads refused (403): lookups will go singly, 3 a second"));
    CHECK(contains(said, "good"));
    w.vendor->withdraw(authorization);
    said = w.check();
    CHECK(contains(said, "credential: failed: Gong refuses it (401)"));
    CHECK(contains(said, "https://us-12345.api.gong.io"));
    CHECK(contains(said, "bad"));
    CHECK(w.vendor->requests() == 3);
    w.vendor->allow(authorization, {false, false});
    said = w.check(w.id(1));
    CHECK(contains(said, "credential: failed: Gong accepts it, but does not let it read calls (403)"));
    CHECK(contains(said, "https://us-12345.api.gong.io"));
}

TEST_CASE("a redirect to the company's own host is a failure that names it")
{
    checked_harness w;
    w.vendor->script(
        "", sim::scripted{answering("307 Temporary Redirect", "Location: https://us-7.api.gong.io/v2/calls\r\n", "")});
    std::string said = w.check();
    CHECK(contains(said, "credential: failed: Gong answered 307, a redirect to https://us-7.api.gong.io."));
    CHECK(contains(said, "--upstream https://us-7.api.gong.io"));
    CHECK(contains(said, "bad"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("without a credential it ends after TLS, and without the budget before the first request")
{
    checked_harness w;
    std::string said = w.check("", "");
    CHECK(contains(said, "credential: not checked"));
    CHECK(contains(said, "good"));
    live_check c{w.loop.get_executor(),
                 w.config,
                 w.clock,
                 {*parse_origin(w.config.upstream.url), {}, nullptr},
                 authorization,
                 "",
                 std::string("somebody else owns the budget"),
                 {},
                 [&](const std::string& line) { said = line; }};
    std::optional<bool> good;
    asio::co_spawn(w.loop, c.run(), [&](std::exception_ptr, bool well) { good = well; });
    w.run_until([&] { return good.has_value(); });
    CHECK_FALSE(*good);
    CHECK(said == "budget: failed: somebody else owns the budget");
    CHECK(w.vendor->requests() == 0);
}

TEST_CASE("what is not Gong's answer is a failure, whatever its status")
{
    struct
    {
        std::string status, body, words;
    } rows[] = {
        {"200 OK", "<html>login</html>", "not as Gong does; is upstream.url Gong's host?"},
        {"404 Not Found", "nothing here", "not as Gong does; is upstream.url Gong's host?"},
        {"302 Found", "", "Gong answered 302"},
        {"500 Oops", "{}", "Gong answered 500; ask again later"},
    };
    for (const auto& row : rows)
    {
        checked_harness w;
        w.vendor->script("", sim::scripted{answering(row.status, "", row.body)});
        std::string said = w.check();
        CHECK(contains(said, "credential: failed: " + std::string()));
        CHECK(contains(said, row.words));
        CHECK(contains(said, "bad"));
        CHECK(w.vendor->requests() == 1);
    }
    checked_harness hung;
    hung.vendor->script("", sim::scripted{"HTTP/1.1 200 OK\r\n", sim::then::hang});
    CHECK(contains(hung.check(), "upstream.response_timeout"));
    checked_harness odd;
    odd.vendor->script("", sim::scripted{answering("200 OK", "Content-Type: application/json\r\n",
                                                   R"({"requestId":"r","calls":[{"id":"1\"]}} "}]})")});
    CHECK(contains(odd.check(), "bulk reads: not checked"));
    CHECK(odd.vendor->requests() == 1);
}

TEST_CASE("the two requests keep to the rate, and what they spent is in the ledger of whoever comes next")
{
    checked_harness w;
    w.config.budget.rate = 0.1;
    w.config.budget.burst = 1;
    w.reopen();
    auto began = w.clock.steady();
    CHECK(contains(w.check(), "good"));
    CHECK(w.clock.steady() - began >= 10s);
    w.reopen();
    CHECK(w.book->kept().clean);
    std::int64_t spent = 0;
    for (const auto& m : w.book->kept().spent) spent += m.count;
    CHECK(spent == 2);
    CHECK(w.book->kept().shares.empty());
    began = w.clock.steady();
    CHECK(contains(w.check(), "9998 of the day's 10000"));
    CHECK(w.clock.steady() - began >= 20s);
}

TEST_CASE("a 429 is a failure that says until when, and stops the next check and the next proxy too")
{
    checked_harness w;
    w.reopen();
    w.vendor->script("", sim::scripted{answering("429 Too Many", "Retry-After: 3600\r\n", "{}")});
    std::string said = w.check();
    CHECK(contains(said, "credential: failed: Gong answered 429"));
    CHECK(contains(said, "wait for 3600 s"));
    w.vendor->script("", std::nullopt);
    w.reopen();
    said = w.check();
    CHECK(contains(said, "credential: failed: Gong asked everyone to wait until"));
    CHECK(contains(said, "bad"));
    w.book.reset();
    w.config.budget.path = w.folder.file("budget");
    w.start();
    CHECK(w.get(w.path(1)).status == 429);
    w.stop();
    CHECK(w.vendor->requests() == 1);
    w.clock.advance(1h);
    w.reopen();
    CHECK(contains(w.check(), "good"));
}

TEST_CASE("a day that is spent is said, and nothing is sent")
{
    checked_harness w;
    w.config.budget.daily = 1;
    w.reopen();
    std::string said = w.check();
    CHECK(contains(said, "credential: ok"));
    CHECK(contains(said, "bulk reads: failed: all 1 Gong API calls of the day are spent"));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("each step that fails is named: the name, the connection, the proxy's answer")
{
    checked_harness w;
    connect_proxy through(w.loop.get_executor(), w.vendor->port());
    w.config.upstream.proxy = through.url();
    std::string said = w.check();
    CHECK(contains(said, "proxy: ok: the proxy 127.0.0.1"));
    CHECK(contains(said, "good"));
    through.script({"HTTP/1.1 407 No\r\n\r\n", sim::then::close});
    said = w.check();
    CHECK(contains(said, "connection: ok"));
    CHECK(contains(said, "proxy: failed: the proxy 127.0.0.1"));
    CHECK(contains(said, "wants a user and a password (407)"));
    CHECK(contains(said, "bad"));
    w.config.upstream.proxy = "";
    w.vendor->go_down();
    CHECK(contains(w.check(), "connection: failed: 127.0.0.1 at 127.0.0.1: Connection refused; is upstream.url right"));
    w.config.upstream.url = "http://" + host_without_address;
    CHECK(contains(w.check(), "DNS: failed: no address for " + host_without_address));
    CHECK(w.vendor->requests() == 2);
}

TEST_SUITE_END();
