// No credential, token or Authorization value in any log, error, metric, output of `check`, or file.
//
// Each test sends secrets that can be recognised to every place where one may stand, by mistake too, with everything
// logged; then all that the program said and wrote is searched for them, for their base64 and their hexadecimal form.

#include "server/secrets/credential.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/secrets.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

using namespace callcache::test;
using callcache::base64;

namespace
{

const std::string example = "/v2/calls/" + std::string(sim::example_id);

std::vector<std::string> everything_logged(const std::string& format, std::vector<std::string> further = {})
{
    std::vector<std::string> a{"--set", "log.level=debug",      "--set", "log.access=all",
                               "--set", "log.format=" + format, "--set", "budget.rate=100",
                               "--set", "budget.burst=100",     "--set", "upstream.response_timeout=1s"};
    a.insert(a.end(), further.begin(), further.end());
    return a;
}

void stop(serving& s)
{
    s.process.signal(SIGTERM);
    CHECK(s.process.wait() == 0);
}

finished typed(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {})
{
    return run(callcache_program, arguments, {environment, "", 0});
}

// Everything that tools may do wrong with a secret, and its answers, which the tool may see: it has sent it.
void send_secrets_everywhere(std::uint16_t port, secrets& s)
{
    auto ask = [&](const std::string& target, const std::string& authorization, const std::string& further = "") {
        return plain_client(port).get(target, authorization, further).status;
    };
    CHECK(ask(example, sim::basic("someone", s.make())) == 401);
    CHECK(ask(example, "Bearer " + s.make()) == 401);
    CHECK(ask(example, s.make()) == 401);  // no scheme
    CHECK(ask("/@etl" + example, "Digest username=\"x\", response=\"" + s.make() + "\"") == 401);
    std::string twice = "Bearer " + s.make();
    CHECK(ask(example, twice, "Authorization: " + twice + "\r\n") == 400);
    CHECK(ask(example + "?access_token=" + s.make(), "Bearer " + s.make()) == 401);
    CHECK(ask("/v2/users?api_key=" + s.make() + "&x=1", "Bearer " + s.make()) == 401);
    CHECK(ask("/v2/calls/12ab?key=" + s.make(), "Bearer " + s.make()) == 400);
    CHECK(ask("http://user:" + s.make() + "@localhost" + example, "Bearer " + s.make()) == 400);
    CHECK(ask("http://elsewhere.example/?key=" + s.make(), "Bearer " + s.make()) == 421);
    ask(example, "Bearer " + s.make(),
        "Proxy-Authorization: Basic " + base64("p:" + s.make()) + "\r\nCookie: session=" + s.make() +
            "\r\nX-Api-Key: " + s.make() + "\r\nReferer: http://x/?token=" + s.make() + "\r\nIf-None-Match: \"" +
            s.make() + "\"\r\nOrigin: http://u:" + s.make() + "@page\r\nPrefer: wait=" + s.make() +
            "\r\nCache-Control: " + s.make() + "\r\n");
    ask(example, "Bearer " + s.make(), "Bad Name " + s.make() + "\r\n");
    ask(example, "Bearer " + s.make(), "Transfer-Encoding: " + s.make() + "\r\n");
    ask(example, "Bearer " + s.make(), "Content-Length: 40\r\n\r\n{\"password\":\"" + s.make() + "\"}");
    ask(example + "#" + s.make(), "Bearer " + s.make());
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("secrets, forward: misses, hits, 401s, errors and a restart leave none in the log, the files or /stats")
{
    for (const std::string format : {"json", "text"})
    {
        INFO(format);
        temp_folder folder;
        secrets s;
        std::string key = s.make(), basic = sim::basic(key, s.make()), bearer = "Bearer " + s.make();
        s.add(basic.substr(6));
        sim::vendor_options o;
        o.keys[basic] = o.keys[bearer] = {};
        auto vendor = std::make_unique<vendor_thread>(o);
        std::string said, url = vendor->url();
        for (int round = 0; round < 2; ++round)
        {
            serving p(url, folder.file("cache.db"), everything_logged(format));
            REQUIRE(p.port != 0);
            for (const std::string& credential : {basic, bearer, basic})
                CHECK(plain_client(p.port).get(example, credential).status == 200);
            if (round == 0) send_secrets_everywhere(p.port, s);
            if (round == 1) vendor.reset();
            CHECK(plain_client(p.port).get(example, basic).status == 200);
            // A port whose listener is gone, or that a child of the test still holds open: 502 or 504.
            unsigned status = plain_client(p.port).get(round == 0 ? "/v2/calls/123" : "/v2/calls/124", basic).status;
            CHECK((round == 0 ? status == 404 : status == 502 || status == 504));
            std::string stats = plain_client(p.admin_port).get("/stats", "Bearer " + s.make()).body;
            stats += plain_client(p.admin_port).get("/no/such?page=" + s.make(), basic).body;
            CHECK(s.found_in(stats) == "");
            CHECK(s.found_below(folder.path()) == "");  // while it runs, with the WAL
            stop(p);
            said += p.process.output();
        }
        CHECK(said.find(format == "json" ? "\"outcome\":\"hit\"" : "outcome=hit") != std::string::npos);
        CHECK(s.found_in(said) == "");
        CHECK(s.found_below(folder.path()) == "");
    }
}

TEST_CASE("secrets, inject: the credential of files or environment and the tools' tokens leave none, known or wrong")
{
    for (bool by_file : {true, false})
    {
        INFO(by_file);
        temp_folder folder, data;
        secrets s;
        std::string key = s.make(), secret = s.make(), token = s.make(), other = s.make();
        s.add(base64(key + ":" + secret));
        std::ofstream(folder.file("key")) << key;
        std::ofstream(folder.file("secret")) << secret << "\n";
        std::ofstream(folder.file("clients.json")) << "{\"etl\": \"" << token << "\", \"agent\": \"" << other << "\"}";
        std::vector<std::string> options{"--set", "credentials.mode=inject", "--set",
                                         "credentials.clients_file=" + folder.file("clients.json")};
        std::vector<std::string> environment{"CALLCACHE_CREDENTIALS_ACCESS_KEY=" + key,
                                             "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET=" + secret};
        if (by_file)
        {
            environment.clear();
            for (const char* name : {"key", "secret"})
                options.insert(options.end(),
                               {"--set", std::string("credentials.access_key") + (name[0] == 'k' ? "" : "_secret") +
                                             "_file=" + folder.file(name)});
        }
        sim::vendor_options o;
        o.keys[sim::basic(key, secret)] = {};
        vendor_thread vendor(o);
        std::string said;
        for (const std::string format : {"json", "text"})
        {
            serving p(vendor.url(), data.file("cache.db"), everything_logged(format, options), {environment, "", 0});
            REQUIRE(p.port != 0);
            CHECK(plain_client(p.port).get(example, "Bearer " + token).status == 200);
            CHECK(plain_client(p.port).get(example, sim::basic("agent", other)).status == 200);
            CHECK(plain_client(p.port).get(example, "Bearer " + token.substr(1)).status == 401);
            CHECK(plain_client(p.port).get(example, sim::basic("etl", other)).status == 401);
            send_secrets_everywhere(p.port, s);
            // A new list of tools, a broken one, and a credential that is gone, while it runs.
            std::ofstream(folder.file("clients.json")) << "{\"" << token << "\": \"etl\", \"" << other << "\": 1}";
            CHECK(p.process.says("cannot be read again"));
            std::ofstream(folder.file("clients.json"))
                << "{\"etl\": \"" << token << "\", \"agent\": \"" << other << "\"}";
            CHECK(p.process.says("tokens were read again"));
            CHECK(s.found_in(plain_client(p.admin_port).get("/stats", "Bearer " + token).body) == "");
            stop(p);
            said += p.process.output();
        }
        std::vector<std::string> check{"check", "--upstream", vendor.url()};
        check.insert(check.end(), options.begin(), options.end());
        finished checked = typed(check, environment);
        CHECK(checked.code == 0);
        CHECK(s.found_in(checked.output) == "");
        CHECK(s.found_in(said) == "");
        CHECK(s.found_below(data.path()) == "");
    }
}

TEST_CASE("secrets: a mistake in the configuration is told without the secret that stands in the wrong place")
{
    temp_folder folder;
    secrets s;
    std::ofstream(folder.file("secret.json")) << "{\"credentials\": {\"access_key_secret\": \"" << s.make() << "\"}}";
    std::ofstream(folder.file("broken.json")) << "{\"credentials\": {\"access_key\": " << s.make() << "}}";
    std::ofstream(folder.file("swapped.json")) << "{\"" << s.make() << "\": \"etl\"}";
    std::ofstream(folder.file("twice.json")) << "{\"a\": \"" << s.make() << "\", \"b\": " << s.make() << "}";
    std::ofstream(folder.file("lines")) << s.make() << "\n" << s.make() << "\n";
    const std::vector<std::string> inject{"--set", "credentials.mode=inject", "--set"};
    auto with = [&](const std::vector<std::string>& further) {
        std::vector<std::string> a{"check"};
        a.insert(a.end(), further.begin(), further.end());
        finished r = typed(a);
        INFO(r.output);
        CHECK(r.code == 1);
        CHECK(s.found_in(r.output) == "");
    };
    with({"--config", folder.file("secret.json")});
    with({"--config", folder.file("broken.json")});
    with({"--set", "credentials.access_key=" + s.make()});
    with({"--set", "credentials.acces_key=" + s.make()});
    with({"--set", "credentials.access_key:" + s.make()});
    with({"--set", s.make()});
    with({"--upstream", "https://key:" + s.make() + "@api.gong.io"});
    with({"--upstream", "http://" + s.make() + "@gong.example/v2?token=" + s.make()});
    with({"--set", "credentials.mode=inject", "--set", "credentials.bearer_token_file=" + s.make()});
    with({"--set", "credentials.mode=inject", "--set", "credentials.bearer_token_file=" + folder.file("lines")});

    auto in_environment = [&](const std::vector<std::string>& variables, int code) {
        finished r = typed({"check"}, variables);
        INFO(r.output);
        CHECK(r.code == code);
        CHECK(s.found_in(r.output) == "");
    };
    in_environment({"CALLCACHE_CREDENTIALS_ACCESS_KEY=" + s.make()}, 1);
    in_environment({"CALLCACHE_CREDENTIALS_ACCES_KEY=" + s.make()}, 1);
    in_environment({"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_ACCESS_KEY=" + s.make() + "\x1b",
                    "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET=" + s.make()},
                   1);
    in_environment({"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_ACCESS_KEY_FILE=" + s.make(),
                    "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET_FILE=" + s.make()},
                   1);
    in_environment({"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_BEARER_TOKEN=" + s.make()}, 0);

    for (const char* clients : {"swapped.json", "twice.json"})
    {
        finished r = typed({"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--db", ":memory:", "--set",
                            "credentials.mode=inject", "--set", "credentials.clients_file=" + folder.file(clients)},
                           {"CALLCACHE_CREDENTIALS_BEARER_TOKEN=" + s.make()});
        INFO(r.output);
        CHECK(r.code == 1);
        CHECK(s.found_in(r.output) == "");
    }
}

TEST_CASE("secrets: the search itself finds a secret as it is, in base64 at any place, and in hexadecimal")
{
    secrets s;
    std::string one = s.make();
    CHECK(s.found_in("nothing") == "");
    CHECK(s.found_in("x" + one + "x") != "");
    for (const char* before : {"", "a", "ab", "abc:"})
        for (const char* after : {"", "d", ":de"}) CHECK(s.found_in(base64(before + one + after)) != "");
}

TEST_SUITE_END();
