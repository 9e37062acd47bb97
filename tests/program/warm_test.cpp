// `callcache warm` as a user types it, against the simulated vendor.

#include "server/commands/warming.hpp"
#include "server/secrets/whole_file.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr std::size_t calls_of_the_month = 20'000;
const std::vector<std::string> gong_key{"GONG_ACCESS_KEY=key", "GONG_ACCESS_KEY_SECRET=secret"};

// A month of calls at the vendor, a callcache in front of it whose limits are out of the way, and its file.
struct warmed_month
{
    explicit warmed_month(std::vector<std::string> further = {}, sim::vendor_options o = options()) :
        vendor(std::move(o)),
        flags({"--set", "budget.rate=100", "--set", "budget.burst=10", "--set", "budget.margin=0ms"})
    {
        flags.insert(flags.end(), further.begin(), further.end());
        restart();
    }

    static sim::vendor_options options()
    {
        sim::vendor_options o;
        o.keys[sim::basic("key", "secret")] = {};
        o.limits = {0, 0};
        o.catalogue.count = calls_of_the_month;
        o.catalogue.not_found_every = 0;
        o.catalogue.fill_month(*parse_warm_date("2026-10-01"));
        return o;
    }

    // At the same address as before.
    void restart()
    {
        std::vector<std::string> all = flags;
        if (port != 0) all.insert(all.end(), {"--set", "server.listen=127.0.0.1:" + std::to_string(port)});
        proxy.emplace(vendor.url(), folder.file("cache.db"), all);
        REQUIRE(proxy->port != 0);
        port = proxy->port;
    }

    std::vector<std::string> arguments(const std::string& from = "2026-10-01",
                                       const std::string& to = "2026-11-01") const
    {
        return {"warm",          "--from",   from,
                "--to",          to,         "--upstream",
                vendor.url(),    "--listen", "127.0.0.1:" + std::to_string(port),
                "--cursor-file", cursor_file};
    }

    finished warm(const std::string& from = "2026-10-01", const std::string& to = "2026-11-01",
                  const std::vector<std::string>& environment = gong_key) const
    {
        return run(callcache_program, arguments(from, to), {environment, "", 0});
    }

    // Waits, within reason, until the vendor has been asked so often.
    bool is_asked(std::size_t times)
    {
        auto until = std::chrono::steady_clock::now() + 60s;
        while (vendor.requests() < times && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        return vendor.requests() >= times;
    }

    // Calls that a kill cannot take any more.
    std::size_t on_disk() const
    {
        const std::string stats = plain_client(proxy->admin_port).get("/stats", "").body;
        const std::size_t entries = stats.find("\"entries\":{");
        const std::string name = "\"disk\":";
        const std::size_t at = entries == stats.npos ? stats.npos : stats.find(name, entries);
        REQUIRE(at != stats.npos);
        return std::stoul(stats.substr(at + name.size()));
    }

    bool has_file() const { return std::filesystem::exists(cursor_file); }

    temp_folder folder;
    vendor_thread vendor;
    std::vector<std::string> flags;
    std::string cursor_file = folder.file("cursor");
    std::uint16_t port = 0;
    std::optional<serving> proxy;
};

bool contains(const finished& f, const std::string& part)
{
    INFO(f.output);
    CHECK(f.output.find(part) != std::string::npos);
    return f.output.find(part) != std::string::npos;
}

// The target as the vendor saw it.
std::string target_of(const std::string& head)
{
    std::size_t begin = head.find(' ') + 1;
    return head.substr(begin, head.find(' ', begin) - begin);
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("warm: a month of 20,000 calls costs about 200 API calls, and kill -9 of warm and of callcache reads no "
          "finished page again")
{
    warmed_month m;
    {
        child first(callcache_program, m.arguments(), {gong_key, "", 0});
        REQUIRE(m.is_asked(60));
        first.signal(SIGKILL);
        CHECK(first.wait() == 128 + SIGKILL);
    }
    auto state = read_warm_state(read_whole_file(m.cursor_file).value_or(""));
    REQUIRE(state);
    CHECK(state->api_calls >= 58);  // all but what was on its way
    std::size_t before = m.vendor.requests(), unwritten = 0;
    {
        child second(callcache_program, m.arguments(), {gong_key, "", 0});
        REQUIRE(m.is_asked(before + 60));
        std::string next = warming(*state).target();
        CHECK("/@warm" + target_of(m.vendor.heads()[before]) == next);
        const std::size_t written = m.on_disk();
        CHECK(written > 5000);
        m.proxy->process.signal(SIGKILL);
        CHECK(m.proxy->process.wait() == 128 + SIGKILL);
        unwritten = 100 * m.vendor.requests() - written;
        CHECK(second.says("nothing of callcache answers at 127.0.0.1:"));
        m.restart();
        CHECK(second.wait(60s) == 0);
        INFO(second.output());
        CHECK(second.output().find("20,000 calls with ") != std::string::npos);
    }
    CHECK_FALSE(m.has_file());
    const std::size_t spent = m.vendor.requests();

    // What was on its way to the disk when callcache was killed is fetched again: two pages on a quiet machine, and
    // five on one that had too much to do.
    std::size_t hits = 0, right = 0;
    plain_client client(m.port);
    for (std::uint64_t n = 0; n < calls_of_the_month; ++n)
    {
        std::string id = m.vendor.catalogue().id(n);
        auto a = client.get("/v2/calls/" + id, sim::basic("key", "secret"));
        right += a.status == 200 && a.body.ends_with(",\"call\":" + *m.vendor.catalogue().call(id) + "}");
        hits += a.head.find("callcache; hit") != std::string::npos;
    }
    CHECK(right == calls_of_the_month);
    CHECK(hits >= calls_of_the_month - 1000);
    CHECK(hits + unwritten >= calls_of_the_month);
    MESSAGE(hits, " of ", calls_of_the_month, " calls were hits afterwards");

    std::map<std::string, int> asked;
    const auto heads = m.vendor.heads();
    for (std::size_t i = 0; i < spent; ++i) ++asked[target_of(heads[i])];
    std::size_t again = spent - asked.size();
    MESSAGE(spent, " API calls for ", calls_of_the_month, " calls, ", again,
            " of them for a page that a "
            "kill had interrupted");
    CHECK(again <= 2);
    CHECK(spent < 220);
}

TEST_CASE("warm: it stops where the rest of the day is held for tools, says so, and goes on from there")
{
    warmed_month m({"--set", "budget.daily=50"});
    finished stopped = m.warm();
    CHECK(stopped.code == 1);
    CHECK(contains(stopped, "are held for interactive tools"));
    CHECK(contains(stopped, "the same command goes on"));
    CHECK(m.has_file());
    std::size_t spent = m.vendor.requests();
    CHECK(spent > 0);
    CHECK(spent <= 45);
    CHECK(m.warm().code == 1);
    CHECK(m.vendor.requests() == spent);
}

TEST_CASE("warm: Ctrl-C ends it with the file kept, and the same command goes on")
{
    warmed_month m;
    std::ofstream(m.cursor_file + ".new") << "a stranger's";
    child first(callcache_program, m.arguments("2026-10-01", "2026-10-08"), {gong_key, "", 0});
    REQUIRE(m.is_asked(10));
    first.signal(SIGINT);
    CHECK(first.wait() == 1);
    CHECK(first.output().find("Stopped; the same command goes on") != std::string::npos);
    REQUIRE(m.has_file());
    std::string kept = read_whole_file(m.cursor_file).value_or("");
    CHECK(kept.find("secret") == std::string::npos);
    CHECK(kept.find(sim::basic("key", "secret").substr(6)) == std::string::npos);
    CHECK(std::filesystem::status(m.cursor_file).permissions() == std::filesystem::perms(0600));
    CHECK(read_whole_file(m.cursor_file + ".new") == "a stranger's");
    finished other_range = m.warm("2026-10-02", "2026-10-08");
    CHECK(other_range.code == 1);
    CHECK(contains(other_range, "is no cursor file of this range"));
    CHECK(m.warm("2026-10-01", "2026-10-08", {"GONG_ACCESS_KEY=other", "GONG_ACCESS_KEY_SECRET=secret"}).code == 1);
    CHECK(m.warm("2026-10-01", "2026-10-08").code == 0);
    CHECK_FALSE(m.has_file());
}

TEST_CASE("warm: a range without calls is no error, a credential that Gong refuses is one")
{
    warmed_month m;
    finished empty = m.warm("2026-09-01", "2026-09-02");
    CHECK(empty.code == 0);
    CHECK(contains(empty, "0 calls with 1 API calls"));
    finished refused = m.warm("2026-10-01", "2026-10-02", {"GONG_ACCESS_KEY=key", "GONG_ACCESS_KEY_SECRET=hidden"});
    CHECK(refused.code == 1);
    CHECK(contains(refused, "(401)"));
    CHECK(refused.output.find("hidden") == std::string::npos);
    CHECK(m.warm("2026-10-01", "2026-10-02", {}).code == 1);
    CHECK(m.vendor.requests() == 2);
}

TEST_CASE("warm: wrong usage exits with 2, and a folder that cannot be written costs no API call")
{
    warmed_month m;
    CHECK(m.warm("2026-10-02", "2026-10-01").code == 2);
    CHECK(m.warm("2026-10-01", "2026-10-01").code == 2);
    CHECK(m.warm("2026-10-01", "october").code == 2);
    CHECK(run(callcache_program, {"warm", "--from", "2026-10-01"}).code == 2);
    m.cursor_file = m.folder.file("absent/cursor");
    finished unwritable = m.warm();
    CHECK(unwritable.code == 1);
    CHECK(contains(unwritable, "cannot write \"" + m.cursor_file));
    CHECK(m.vendor.requests() == 0);
}

TEST_CASE("warm: where callcache injects the credential, none is needed")
{
    temp_folder folder;
    vendor_thread vendor(warmed_month::options());
    std::vector<std::string> environment{"CALLCACHE_CREDENTIALS_MODE=inject", "CALLCACHE_CREDENTIALS_ACCESS_KEY=key",
                                         "CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET=secret"};
    serving s(vendor.url(), folder.file("cache.db"), {}, {environment, "", 0});
    REQUIRE(s.port != 0);
    finished r = run(callcache_program,
                     {"warm", "--from", "2026-10-01", "--to", "2026-10-01T01:00:00Z", "--listen",
                      "127.0.0.1:" + std::to_string(s.port)},
                     {environment, folder.file(""), 0});
    CHECK(r.code == 0);
    CHECK(contains(r, "28 calls with 1 API calls"));
    CHECK_FALSE(std::filesystem::exists(folder.file("callcache-warm-2026-10-01-2026-10-01T01:00:00Z.cursor")));
}

TEST_SUITE_END();

TEST_CASE("warm: a callcache that speaks TLS is known by its certificate, and gets no credential if it shows another")
{
    temp_folder folder;
    sim::certificate_wishes wishes;
    wishes.name = "callcache.example";  // and not what warm asks for
    const std::string crt = folder.file("tls.crt"), key = folder.file("tls.key"), other = folder.file("other.crt");
    auto pair = sim::make_certificate(wishes);
    for (auto [file, text] :
         {std::pair{crt, pair.chain}, {key, pair.key}, {other, sim::make_certificate(wishes).chain}})
        std::ofstream(file) << text;
    warmed_month m({"--set", "server.tls_certificate_file=" + crt, "--set", "server.tls_key_file=" + key});
    auto warm_trusting = [&](const std::string& certificate) {
        auto words = m.arguments("2026-10-01", "2026-10-02");
        words.insert(words.end(),
                     {"--set", "server.tls_certificate_file=" + certificate, "--set", "server.tls_key_file=" + key});
        child c(callcache_program, words, {gong_key, "", 0});
        if (certificate == crt) return c.wait() == 0;
        bool refused = c.says("certificate rejected");
        c.signal(SIGTERM);
        c.wait();
        return !refused;
    };
    CHECK_FALSE(warm_trusting(other));
    CHECK(m.vendor.requests() == 0);
    CHECK(warm_trusting(crt));
    CHECK(m.vendor.requests() > 0);
}
