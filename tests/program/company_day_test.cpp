// A company's day through callcache: several tools that read the same calls, lists, details and transcripts, with two
// keys. Each answer is the vendor's, and on a second run most of them come from what is kept.

#include "cache/time.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <csignal>
#include <ctime>
#include <map>
#include <set>

using namespace callcache::test;

namespace
{

using answer = plain_client::answer;
using transcript_is = sim::vendor::transcript_is;

// Reads everything; may not read transcripts.
const std::string main_key = sim::basic("main", "secret"), narrow_key = sim::basic("narrow", "secret");

struct question
{
    std::string target, body;  // of a POST, unless it is empty
    std::string key = main_key;
};

// The order of an object's members says nothing.
std::string text_of(const rapidjson::Value& v)
{
    std::string text;
    if (v.IsObject())
    {
        std::map<std::string, std::string> members;
        for (const auto& m : v.GetObject()) members[m.name.GetString()] = text_of(m.value);
        for (const auto& [name, value] : members) text += (text.empty() ? "" : ",") + name + ":" + value;
        return "{" + text + "}";
    }
    if (v.IsArray())
    {
        for (const auto& each : v.GetArray()) text += (text.empty() ? "" : ",") + text_of(each);
        return "[" + text + "]";
    }
    rapidjson::StringBuffer out;
    rapidjson::Writer<rapidjson::StringBuffer> writer(out);
    v.Accept(writer);
    return {out.GetString(), out.GetSize()};
}

// An answer without what may differ: requestId, records, and the order of the elements.
struct said
{
    unsigned status = 0;
    std::string rest;                             // other members
    std::map<std::string, std::string> elements;  // by their ids

    explicit said(const answer& a) : status(a.status)
    {
        rapidjson::Document d;
        d.Parse(a.body.data(), a.body.size());
        if (d.HasParseError() || !d.IsObject())
        {
            rest = a.body;
            return;
        }
        for (const char* name : {"requestId", "records"})
            if (d.HasMember(name)) d.RemoveMember(name);
        for (const char* list : {"callTranscripts", "calls"})
        {
            if (!d.HasMember(list)) continue;
            for (const auto& e : d[list].GetArray())
            {
                const rapidjson::Value& holder = e.HasMember("metaData") ? e["metaData"] : e;
                const char* id = holder[holder.HasMember("callId") ? "callId" : "id"].GetString();
                const bool is_first = elements.emplace(id, text_of(e)).second;
                CHECK(is_first);
            }
            d.RemoveMember(list);
        }
        rest = text_of(d);
    }
};

struct company
{
    company()
    {
        vendor.tell([&](sim::vendor& v) { set_up(v); });
        truth.tell([&](sim::vendor& v) { set_up(v); });
        start();
    }

    static sim::vendor_options options(callcache::wall_time newest = {})
    {
        sim::vendor_options o;
        o.catalogue.newest = newest;
        o.keys[main_key] = {};
        o.keys[narrow_key] = {true, true, false};
        o.limits = {0, 0};
        o.catalogue.missing_every = 0;
        o.catalogue.not_found_every = 0;
        return o;
    }
    void set_up(sim::vendor& v) const
    {
        for (std::uint64_t n : {30, 31}) v.transcribe(id(n), transcript_is::late);
        v.transcribe(id(32), transcript_is::empty);
        v.forbid(main_key, id(33));
    }

    void start()
    {
        running = std::make_unique<serving>(
            vendor.url(), folder.file("cache.db"),
            std::vector<std::string>{"--set", "budget.rate=200", "--set", "budget.burst=50", "--set",
                                     "budget.margin=0ms", "--set", "budget.daily=100000", "--set", "log.access=off",
                                     "--set", "cache.calls.fresh_min=1h"});
        REQUIRE(running->port != 0);
    }
    void stop()
    {
        running->process.signal(SIGTERM);
        CHECK(running->process.wait() == 0);
    }
    void kill()
    {
        running->process.signal(SIGKILL);
        running->process.wait();
    }

    std::string id(std::uint64_t n) const { return vendor.catalogue().id(n); }

    static answer ask(std::uint16_t port, const question& q)
    {
        plain_client client(port);
        return q.body.empty() ? client.get(q.target, q.key) : client.post(q.target, q.key, q.body);
    }

    // How many requests reached the vendor. An element may be any that the vendor said of it since it was last told to
    // change something, or before.
    std::size_t run(const std::vector<question>& all)
    {
        const std::size_t before = vendor.requests();
        for (const question& q : all)
        {
            CAPTURE(q.target);
            CAPTURE(q.body.substr(0, 200));
            const answer got = ask(running->port, q);
            const said mine(got), right(ask(truth.port(), q));
            CAPTURE(got.head);
            CHECK(mine.status == right.status);
            std::set<std::string>& rest = said_of[q.key + q.target + " " + q.body];
            rest.insert(right.rest);
            CHECK(rest.contains(mine.rest));
            CHECK(mine.elements.size() == right.elements.size());
            for (const auto& [id, element] : right.elements)
            {
                std::set<std::string>& known = said_of[q.target + " " + q.body.substr(q.body.find(']') + 1) + id];
                known.insert(element);
                auto mine_of = mine.elements.find(id);
                REQUIRE(mine_of != mine.elements.end());
                CHECK(known.contains(mine_of->second));
            }
        }
        return vendor.requests() - before;
    }
    // The vendor changes its mind, and so does the truth.
    void change(const std::function<void(sim::vendor&)>& what)
    {
        vendor.tell(what);
        truth.tell(what);
    }

    std::string list_of(std::uint64_t first, std::uint64_t count, std::uint64_t step = 1) const
    {
        std::string ids;
        for (std::uint64_t n = 0; n < count; ++n) ids += (ids.empty() ? "\"" : ",\"") + id(first + n * step) + "\"";
        return "{\"filter\":{\"callIds\":[" + ids + "]}";
    }
    question call(std::uint64_t n) const { return {"/v2/calls/" + id(n), ""}; }
    question transcripts(std::uint64_t first, std::uint64_t count, std::uint64_t step = 1) const
    {
        return {"/v2/calls/transcript", list_of(first, count, step) + "}"};
    }
    question details(std::uint64_t first, std::uint64_t count, const std::string& selector) const
    {
        return {"/v2/calls/extensive", list_of(first, count) + ",\"contentSelector\":" + selector + "}"};
    }
    std::string time_of(std::uint64_t n) const
    {
        const std::time_t at = std::time_t(callcache::whole_seconds(vendor.catalogue().started(n).time_since_epoch()));
        std::tm parts{};
        gmtime_r(&at, &parts);
        char out[32];
        std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
        return out;
    }
    // Of the ten calls from this one on, by when they started.
    question list(std::uint64_t n) const
    {
        return {"/v2/calls?fromDateTime=" + time_of(n + 9) + "&toDateTime=" + time_of(n) + "&workspaceId=1", ""};
    }
    question range(const std::string& target, std::uint64_t n, const std::string& rest) const
    {
        return {target, "{\"filter\":{\"fromDateTime\":\"" + time_of(n + 9) + "\",\"toDateTime\":\"" + time_of(n) +
                            "\"}" + rest + "}"};
    }

    // 166 requests, mixed as nine public clients were seen to mix them: 13 single calls, 6 lists, 22 details and 89
    // transcript reads by ids, 16 by range, 20 others.
    std::vector<question> morning() const
    {
        const std::string parties = "{\"exposedFields\":{\"parties\":true}}";
        const std::string all = "{\"context\":\"Extended\",\"exposedFields\":{\"parties\":true,\"content\":{"
                                "\"topics\":true,\"trackers\":true}}}";
        std::vector<question> q;
        for (std::uint64_t n = 0; n < 13; ++n) q.push_back(call(3 * n));
        for (std::uint64_t n = 0; n < 6; ++n) q.push_back(list(10 * n));
        for (std::uint64_t n = 0; n < 12; ++n) q.push_back(details(2 * n, 1, parties));
        for (std::uint64_t n = 0; n < 8; ++n) q.push_back(details(10 * n, 10, n % 2 ? all : parties));
        for (std::uint64_t n = 0; n < 2; ++n) q.push_back(details(100 * n, 100, parties));
        for (std::uint64_t n = 0; n < 60; ++n) q.push_back(transcripts(n, 1));
        for (std::uint64_t n = 0; n < 24; ++n) q.push_back(transcripts(n * 5, 10, 1 + n % 2));
        for (std::uint64_t n = 0; n < 5; ++n) q.push_back(transcripts(n * 80, 100));
        for (std::uint64_t n = 0; n < 8; ++n)
        {
            q.push_back(range("/v2/calls/transcript", 10 * n, ""));
            q.push_back(range("/v2/calls/extensive", 10 * n, ",\"contentSelector\":" + parties));
        }
        for (std::uint64_t n = 0; n < 20; ++n) q.push_back({"/v2/users?cursor=" + std::to_string(n), ""});
        return q;
    }

    temp_folder folder;
    vendor_thread vendor{options()}, truth{options(vendor.catalogue().newest)};
    std::map<std::string, std::set<std::string>> said_of;  // each element, as it was at some time of this day
    std::unique_ptr<serving> running;
};

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("a company's morning of 166 requests: the second time at most 55 reach Gong, and each answer is Gong's")
{
    company c;
    const std::vector<question> morning = c.morning();
    REQUIRE(morning.size() == 166);
    const std::size_t first = c.run(morning), second = c.run(morning);
    CHECK(first < 166);
    CHECK(second <= 55);
    c.stop();
    c.start();
    const std::size_t after_restart = c.run(morning);
    CHECK(after_restart <= 55);
    c.kill();
    c.start();
    const std::size_t after_kill = c.run(morning);
    CHECK(after_kill <= 55);
    MESSAGE("of 166 requests ", first, " reached Gong, then ", second, ", after a restart ", after_restart,
            ", after a kill ", after_kill);
}

TEST_CASE("a company's day: another key, a scope that is missing, changes, and an erasure in the middle")
{
    company c;
    const std::vector<question> morning = c.morning();
    c.run(morning);
    // The other key reads nothing that the first one brought, and is told no where it has no scope.
    std::vector<question> others;
    for (question q : {c.call(1), c.details(0, 10, "{\"exposedFields\":{\"parties\":true}}"), c.transcripts(0, 10),
                       c.call(1), c.details(0, 10, "{\"exposedFields\":{\"parties\":true}}")})
    {
        q.key = narrow_key;
        others.push_back(std::move(q));
    }
    CHECK(c.run(others) == 3);
    // An empty transcript is filled, and calls change: what is kept may be what was said before.
    c.change([&](sim::vendor& v) {
        v.transcribe(c.id(32), transcript_is::there);
        for (std::uint64_t n : {0, 3, 6, 40}) v.edit(c.id(n));
    });
    CHECK(c.run({c.transcripts(32, 1), c.transcripts(0, 10), c.call(0)}) == 1);
    // Of which nothing is left after an erasure.
    CHECK(c.run({{"/v2/data-privacy/erase-data-for-email-address?emailAddress=a%40example.com", "{}"}}) == 1);
    c.said_of.clear();
    const std::size_t after = c.run(morning);
    CHECK(after >= 100);
    CHECK(c.run(morning) <= 55);
    c.stop();
}

TEST_SUITE_END();
