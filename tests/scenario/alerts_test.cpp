// Alerts to a receiver of the test's own: which come, what is in them, and what becomes of them where the receiver is
// slow, down, failing or redirecting.

#include "tests/sim/certificate.hpp"
#include "tests/support/budget_harness.hpp"
#include "tests/support/json_object.hpp"

#include <filesystem>
#include <fstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

std::string status(const std::string& line, const std::string& further = "")
{
    return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n" + further + "\r\n";
}

struct alerted : three_a_second
{
    std::unique_ptr<sim::vendor> receiver = begin({});

    alerted()
    {
        config.budget.daily = 4;
        config.alerts.webhook_file = folder.file("webhook");
        aim(address());
    }
    ~alerted() { cache.reset(); }

    std::unique_ptr<sim::vendor> begin(const sim::vendor_options& o)
    {
        auto made = std::make_unique<sim::vendor>(loop.get_executor(), o, clock);
        made->script("", sim::scripted{status("200 OK")});
        return made;
    }
    std::string address() const { return "http://127.0.0.1:" + std::to_string(receiver->port()) + "/hook/s3cret?a=b"; }
    void aim(const std::string& url) const
    {
        std::ofstream(config.alerts.webhook_file, std::ios::trunc) << url << "\n";
    }
    void answers(const std::string& bytes, sim::then then = sim::then::keep)
    {
        receiver->script("", sim::scripted{bytes, then});
    }

    // So many API calls, none of them kept before.
    void spend(int calls)
    {
        for (int i = 0; i < calls; ++i)
        {
            CHECK(get("/@etl" + path(next_++)).status == 200);
            clock.advance(2s);
        }
    }

    // Time passes, and then the proxy looks after itself, as it does every two seconds.
    void look(duration after = 2s)
    {
        clock.advance(after);
        cache->look_after(clock.wall());
        settle();
    }

    std::vector<std::string> told() const { return receiver->bodies(); }
    int said(std::string_view part) const
    {
        int count = 0;
        const std::string all = out.text();
        for (std::size_t at = all.find(part); at != all.npos; at = all.find(part, at + 1)) ++count;
        return count;
    }
    std::string metrics() { return operator_says("GET", "/metrics"); }

private:
    std::uint64_t next_ = 1;
};

}  // namespace

TEST_SUITE_BEGIN("scenario: alerts");

TEST_CASE("alerts: at the day's bounds the webhook gets a text each, and nothing of a call, a tool or a credential")
{
    alerted w;
    w.start();
    w.look();
    w.spend(2);
    w.look();
    CHECK(w.told().empty());
    w.spend(1);
    w.look();
    REQUIRE(w.told().size() == 1);
    const std::string head = w.receiver->heads().back(), body = w.told().back();
    CHECK(head.starts_with("POST /hook/s3cret?a=b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(w.receiver->port())));
    CHECK(contains(head, "\r\nContent-Type: application/json\r\n"));
    CHECK(is_json_object(body));
    CHECK(body.starts_with("{\"text\":\"callcache on "));
    CHECK(contains(body, ": 75 % of the day's Gong API calls are spent: 3 of 4. "));
    for (const std::string& secret : {w.id(1), w.id(3), std::string("etl"), std::string("s3cret"), authorization})
    {
        CAPTURE(secret);
        CHECK_FALSE(contains(body, secret));
        CHECK_FALSE(contains(head.substr(head.find('\n')), secret));
    }
    CHECK_FALSE(contains(head, "Authorization"));
    w.spend(1);
    w.look();
    w.look(1h);
    REQUIRE(w.told().size() == 2);
    CHECK(contains(w.told().back(), "all 4 Gong API calls of the day are spent. What is not kept is refused until "));
    CHECK(w.said("s3cret") == 0);
    CHECK(contains(w.metrics(), "\ncallcache_alerts_total{result=\"delivered\"} 2\n"));
    CHECK_FALSE(contains(w.operate("GET", "/stats").body, "cannot be delivered"));
}

TEST_CASE("alerts: a good day sends nothing, and without the key there is no receiver and no metric")
{
    alerted w;
    w.config.budget.daily = 10'000;
    w.start();
    w.spend(3);
    for (int i = 0; i < 5; ++i) w.look(1h);
    CHECK(w.receiver->connections() == 0);
    CHECK(contains(w.metrics(), "\ncallcache_alerts_total{result=\"delivered\"} 0\n"));
    w.config.alerts.webhook_file.clear();
    w.config.budget.daily = 3;
    w.start();
    w.spend(3);
    w.look();
    CHECK(w.receiver->connections() == 0);
    CHECK_FALSE(contains(w.metrics(), "callcache_alerts_total"));
    CHECK(w.said("alert") == 0);
}

TEST_CASE("alerts: the vendor's 429 within the budget is told, with the end of the pause")
{
    alerted w;
    w.start();
    w.vendor->script(w.id(100), sim::scripted{limited("40")});
    CHECK(w.get(w.path(100)).status == 429);
    w.look();
    REQUIRE(w.told().size() == 1);
    CHECK(contains(w.told().back(), "Gong answered 429 though callcache is within its budget (1 of 4)"));
    CHECK(contains(w.told().back(), "Nothing is sent until "));
}

TEST_CASE("alerts: Gong is down for a minute, and Gong is back, are told once each")
{
    alerted w;
    w.config.budget.daily = 10'000;
    w.start();
    w.vendor->go_down();
    for (std::uint64_t n = 200; n < 206; ++n)
    {
        CHECK(w.get(w.path(n)).status == 502);
        w.clock.advance(2s);
    }
    w.look();
    w.look(58s);
    CHECK(w.told().empty());
    w.look();
    REQUIRE(w.told().size() == 1);
    CHECK(contains(w.told().back(), "Gong is down: requests have failed since "));
    w.look(1h);
    CHECK(w.told().size() == 1);
    w.vendor->come_up();
    CHECK(w.get(w.path(300)).status == 200);
    w.look();
    REQUIRE(w.told().size() == 2);
    CHECK(contains(w.told().back(), "Gong answers again"));
    w.look(1h);
    CHECK(w.told().size() == 2);
}

TEST_CASE("alerts: after a restart what was delivered does not come again, and what was not does")
{
    alerted w;
    w.config.budget.path = w.folder.file("ledger.db");
    w.start();
    w.spend(3);
    w.look();
    w.look();  // writes it down
    CHECK(w.told().size() == 1);
    CHECK(std::filesystem::exists(w.folder.file("ledger.db-alerts")));
    w.start();
    w.look();
    CHECK(w.told().size() == 1);

    w.receiver->go_down();
    w.spend(1);
    w.look();
    w.look();
    w.start();
    w.receiver->come_up();
    w.look();
    REQUIRE(w.told().size() == 2);
    CHECK(contains(w.told().back(), "all 4 Gong API calls"));
    w.look();
    w.start();
    w.look(23h);
    CHECK(w.told().size() == 2);
}

TEST_CASE("alerts: a receiver that answers nothing is given up after ten seconds, and asked again later")
{
    alerted w;
    w.start();
    w.spend(3);
    w.answers("", sim::then::hang);
    w.look();
    CHECK(w.told().size() == 1);
    CHECK(w.said("alerts cannot be delivered") == 0);
    w.look(8s);
    CHECK(w.said("alerts cannot be delivered") == 0);
    w.look();
    CHECK(w.said("alerts cannot be delivered (alerts.webhook_file); the next attempts are not logged why=the receiver "
                 "has not answered within 10 s") == 1);
    CHECK(contains(w.operate("GET", "/stats").body, "\"headline\":\"alerts cannot be delivered (alerts.webhook_file)"));
    w.look(14s);
    CHECK(w.told().size() == 1);
    w.answers("HTTP/1.1 200 OK\r\n", sim::then::trickle);
    w.look();
    CHECK(w.told().size() == 2);
    for (int i = 0; i < 9; ++i) w.look(1s);  // it trickles on, and its answer never ends
    CHECK(contains(w.metrics(), "\ncallcache_alert_attempts_failed_total 1\n"));
    w.look(1s);
    CHECK(contains(w.metrics(), "\ncallcache_alert_attempts_failed_total 2\n"));
    w.answers(status("204 No Content"));
    w.look(29s);
    CHECK(w.told().size() == 2);
    w.look();
    CHECK(w.told().size() == 3);
    CHECK(w.said("alerts cannot be delivered") == 1);
    CHECK(w.said("alerts are delivered again") == 1);
    CHECK(w.said("s3cret") == 0);
    CHECK_FALSE(contains(w.operate("GET", "/stats").body, "\"headline\":\"alerts cannot"));
}

TEST_CASE("alerts: a receiver that is down or answers 500 is asked six times, ever less often, and costs no answer")
{
    alerted w;
    w.start();
    w.spend(3);
    w.receiver->go_down();
    w.look();
    CHECK(w.said("alerts cannot be delivered") == 1);
    w.receiver->come_up();
    w.answers(status("500 Internal Server Error"));
    for (int seconds : {15, 30, 60, 120, 240})
    {
        const std::size_t before = w.told().size();
        w.look(std::chrono::seconds(seconds - 1));
        CHECK(w.told().size() == before);
        w.look(1s);
        CHECK(w.told().size() == before + 1);
    }
    CHECK(w.get(w.path(1)).status == 200);
    w.look(1h);
    CHECK(w.told().size() == 5);
    CHECK(w.said("alerts cannot be delivered") == 1);
    std::string text = w.metrics();
    CHECK(contains(text, "\ncallcache_alerts_total{result=\"delivered\"} 0\n"));
    CHECK(contains(text, "\ncallcache_alerts_total{result=\"given_up\"} 1\n"));
    CHECK(contains(text, "\ncallcache_alert_attempts_failed_total 6\n"));

    w.answers(status("200 OK"));
    w.spend(1);
    w.look();
    CHECK(w.told().size() == 6);
    CHECK(w.said("alerts are delivered again") == 1);
}

TEST_CASE("alerts: no redirect is followed, and what the receiver refuses for good is not tried again")
{
    for (const char* no : {"302 Found", "307 Temporary Redirect", "404 Not Found", "410 Gone"})
    {
        CAPTURE(no);
        alerted w;
        auto elsewhere = w.begin({});
        w.answers(status(no, "Location: http://127.0.0.1:" + std::to_string(elsewhere->port()) + "/\r\n"));
        w.start();
        w.spend(3);
        w.look();
        for (int i = 0; i < 5; ++i) w.look(10min);
        CHECK(w.told().size() == 1);
        CHECK(elsewhere->connections() == 0);
        CHECK(w.said("why=the receiver answered " + std::string(no).substr(0, 3)) == 1);
    }
}

TEST_CASE("alerts: over TLS the receiver's certificate and name are verified")
{
    const sim::certificate made = sim::make_certificate();
    sim::vendor_options tls;
    tls.tls_certificate = made.chain;
    tls.tls_key = made.key;
    for (const char* host : {"localhost", "127.0.0.1"})
    {
        CAPTURE(host);
        alerted w;
        w.receiver = w.begin(tls);
        std::ofstream(w.folder.file("ca.pem")) << made.authority;
        w.config.upstream.ca_file = w.folder.file("ca.pem");
        w.aim("https://" + std::string(host) + ":" + std::to_string(w.receiver->port()) + "/x");
        w.start();
        w.spend(3);
        w.look();
        w.settle();
        bool is_good = std::string(host) == "localhost";
        CHECK(w.told().size() == (is_good ? 1 : 0));
        CHECK(w.said("alerts cannot be delivered") == (is_good ? 0 : 1));
    }
}

TEST_CASE("alerts: a start without a usable file is refused, and never names what is in it")
{
    alerted w;
    w.start();
    const std::string upstream = w.config.upstream.url;
    for (const auto& [text, why] :
         {std::pair<std::string, std::string>{upstream + "/s3cret", "holds a URL at upstream's own host and port"},
          {"s3cret", "holds no URL such as https://hooks.slack.com/services/..."},
          {"http://chat.example/s3cret", "would send alerts unencrypted"},
          {"", "is empty"}})
    {
        CAPTURE(why);
        w.aim(text);
        const std::string trouble = w.start_refused();
        CHECK(trouble.starts_with("alerts.webhook_file: \"" + w.config.alerts.webhook_file + "\" "));
        CHECK(contains(trouble, why));
        CHECK_FALSE(contains(trouble, "s3cret"));
    }
    std::filesystem::remove(w.config.alerts.webhook_file);
    CHECK(w.start_refused().starts_with("alerts.webhook_file: cannot read \""));
}

TEST_CASE("alerts: another address in the file holds from then on, and a wrong one changes nothing")
{
    alerted w;
    w.start();
    w.look();
    w.aim("s3cret");
    w.look();
    CHECK(w.said("a file cannot be read again; what was read before stays in use why=alerts.webhook_file: ") == 1);
    w.spend(3);
    w.look();
    CHECK(w.told().size() == 1);
    auto other = w.begin({});
    w.aim("http://127.0.0.1:" + std::to_string(other->port()) + "/y");
    w.look();
    CHECK(w.said("the address of alerts was read again") == 1);
    w.spend(1);
    w.look();
    CHECK(w.told().size() == 1);
    CHECK(other->bodies().size() == 1);
    CHECK(w.said("s3cret") == 0);
}

TEST_SUITE_END();
