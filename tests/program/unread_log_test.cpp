// A log that nobody reads: a full pipe, a paused terminal, a log driver that is stuck.

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <regex>

using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

const std::string key = sim::basic("key", "secret");
const std::string drop_words = " lines of this log were dropped, as nobody read it";
constexpr int patience = 10;  // seconds for an answer

// A callcache that writes a line for each answer, and whose log was read until it had started.
struct unread
{
    unread() :
        vendor(generous()),
        running(vendor.url(), folder.file("cache.db"),
                {"--set", "log.access=all", "--set", "log.format=json", "--set", "budget.rate=1000", "--set",
                 "budget.burst=1000", "--set", "budget.daily=0"})
    {
        REQUIRE(running.port != 0);
        tool.emplace(running.port);
        tool->give_up_after(patience);
        get(1);
    }

    static sim::vendor_options generous()
    {
        sim::vendor_options o;
        o.keys[key] = {};
        o.limits = {0, 0};
        o.catalogue.not_found_every = 0;
        return o;
    }

    void get(std::uint64_t number)
    {
        REQUIRE(tool->get("/v2/calls/" + vendor.catalogue().id(number), key).status == 200);
        ++answers;
    }

    plain_client::answer ask_admin(const std::string& target) const
    {
        plain_client operator_(running.admin_port);
        operator_.give_up_after(patience);
        return operator_.get(target, "");
    }

    double dropped() const
    {
        std::smatch found;
        std::string metrics = ask_admin("/metrics").body;
        REQUIRE(std::regex_search(metrics, found, std::regex("\ncallcache_log_lines_dropped_total ([0-9.e+]+)")));
        return std::stod(found[1]);
    }

    // Hits, until lines of theirs are dropped.
    void flood()
    {
        for (int round = 0; round < 50 && dropped() == 0; ++round)
            for (int i = 0; i < 500; ++i) get(1);
        REQUIRE(dropped() > 0);
    }

    temp_folder folder;
    vendor_thread vendor;
    serving running;
    std::optional<plain_client> tool;
    std::size_t answers = 0;
};

std::size_t count_of(const std::string& part, const std::string& text)
{
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
    return times;
}

}  // namespace

TEST_SUITE_BEGIN("program: a log that nobody reads");

TEST_CASE("misses are answered, probes and metrics too, and SIGTERM ends it within drain_timeout")
{
    unread w;
    w.flood();
    for (std::uint64_t number = 2; number < 50; ++number) w.get(number);
    CHECK(w.ask_admin("/readyz").status == 200);
    std::string stats = w.ask_admin("/stats").body;
    CHECK(std::regex_search(stats, std::regex(R"("log":\{[^}]*"lines_dropped":[1-9])")));
    CAPTURE(stats);
    CHECK(stats.find(" lines of the log were dropped") != std::string::npos);  // a hint

    w.running.process.signal(SIGTERM);
    CHECK(w.running.process.wait_without_reading(8s) == 0);
}

TEST_CASE("when it is read again a line says how many were dropped, between those before and those after")
{
    unread w;
    w.flood();
    const auto dropped = std::uint64_t(w.dropped());
    REQUIRE(w.running.process.says(drop_words));
    w.get(2);
    REQUIRE(w.running.process.says("/v2/calls/" + w.vendor.catalogue().id(2)));  // the answer, and not what was sent

    const std::string text = w.running.process.output();
    const std::size_t at = text.find(drop_words);
    const std::string before = text.substr(0, at), after = text.substr(at);
    std::string said = before.substr(before.rfind('"') + 1);
    std::erase(said, ',');
    CHECK(said == std::to_string(dropped));
    CHECK(before.substr(before.rfind('\n')).find(R"("level":"warning")") != std::string::npos);
    CHECK(count_of(R"("msg":"answer")", before) + dropped == w.answers - 1);
    CHECK(count_of(R"("msg":"answer")", after) == 1);
    CHECK(count_of(drop_words, text) == 1);
}

TEST_CASE("SIGTERM writes what is queued before the end, when somebody reads it")
{
    unread w;
    w.running.process.signal(SIGTERM);
    CHECK(w.running.process.wait() == 0);
    CHECK(count_of(R"("msg":"stopped")", w.running.process.output()) == 1);
    CHECK(count_of(R"("msg":"answer")", w.running.process.output()) == 1);
}

TEST_CASE("a start that fails ends with 1, whether its reason is read or not")
{
    vendor_thread vendor(unread::generous());
    for (bool is_unheard : {false, true})
    {
        CAPTURE(is_unheard);
        child::wishes w;
        w.is_unheard = is_unheard;
        child failing(callcache_program,
                      {"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--upstream", vendor.url(), "--db",
                       "/proc/no-such-folder/cache.db"},
                      w);
        CHECK(failing.wait_without_reading(10s) == 1);
        CHECK((failing.output().find("/proc/no-such-folder") != std::string::npos) != is_unheard);
    }
}

TEST_SUITE_END();
