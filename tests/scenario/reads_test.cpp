// POST reads of several calls by their ids, answered call by call.

#include "tests/support/budget_harness.hpp"

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string transcripts_path = "/v2/calls/transcript", details_path = "/v2/calls/extensive";
using tool_ptr = std::unique_ptr<tool>;
using transcript_is = sim::vendor::transcript_is;

std::string asked(const std::vector<std::string>& ids, const std::string& rest = "")
{
    std::string list;
    for (const std::string& id : ids) list += (list.empty() ? "\"" : ",\"") + id + "\"";
    return "{\"filter\":{\"callIds\":[" + list + "]}" + rest + "}";
}

const std::string parties = R"(,"contentSelector":{"exposedFields":{"parties":true}})";

struct reads_harness : three_a_second
{
    reads_harness()
    {
        config.cache.transcripts = config.cache.details = view_keeping::on;
        config.bulk.mode = bulk_mode::automatic;
        vendor_options.catalogue.missing_every = 0;
        vendor_options.keys = {{authorization, {}}, {other_authorization, {}}};
    }

    void has_no_limits()
    {
        config.budget.rate = 50;
        config.budget.burst = 50;
        vendor_options.limits = {0, 0};
    }

    std::string post(const std::string& target, const std::string& body, const std::string& as = authorization,
                     const std::string& further = "") const
    {
        return "POST " + target + " HTTP/1.1\r\nHost: localhost:4664\r\nAuthorization: " + as + "\r\n" + further +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    std::vector<std::string> ids(std::initializer_list<std::uint64_t> numbers) const
    {
        std::vector<std::string> all;
        for (std::uint64_t n : numbers) all.push_back(id(n));
        return all;
    }

    answer transcripts(std::initializer_list<std::uint64_t> numbers, const std::string& as = authorization,
                       const std::string& further = "")
    {
        return raw(post(transcripts_path, asked(ids(numbers)), as, further));
    }
    answer details(std::initializer_list<std::uint64_t> numbers, const std::string& rest = parties)
    {
        return raw(post(details_path, asked(ids(numbers), rest)));
    }
    tool_ptr asks_transcripts(std::initializer_list<std::uint64_t> numbers, const std::string& as = authorization,
                              const std::string& tool_name = "")
    {
        auto t = std::make_unique<tool>(*this);
        t->send(post((tool_name.empty() ? "" : "/@" + tool_name) + transcripts_path, asked(ids(numbers)), as));
        settle();
        return t;
    }

    std::size_t sent(const std::string& path) const
    {
        const auto& heads = vendor->heads();
        return std::size_t(std::count_if(heads.begin(), heads.end(),
                                         [&](const std::string& h) { return h.starts_with("POST " + path + " "); }));
    }

    // The answer that the vendor would give now, but for requestId.
    std::string list_of(std::initializer_list<std::uint64_t> numbers) const
    {
        std::string elements;
        for (std::uint64_t n : numbers)
            elements += (elements.empty() ? "" : ",") + vendor->transcript(vendor->catalogue().id(n));
        const std::string count = std::to_string(numbers.size());
        return ",\"records\":{\"totalRecords\":" + count + ",\"currentPageSize\":" + count +
               ",\"currentPageNumber\":0},\"callTranscripts\":[" + elements + "]}";
    }

    void script(const std::string& path, const std::string& status, const std::string& body)
    {
        vendor->script(path,
                       sim::scripted{"HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body});
    }
};

std::size_t count_of(const std::string& text, const std::string& part)
{
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
    return count;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: reads");

TEST_CASE("reads: a second read of transcripts is answered without Gong, in the order of the request")
{
    reads_harness w;
    w.start();
    answer first = w.transcripts({1, 2, 3});
    CHECK(first.status == 200);
    CHECK(first.cache("fwd") == "miss");
    CHECK(first.cache("kept") == "0");
    CHECK(first.cache("asked") == "3");
    CHECK(first.cache("stored") == "stored");
    CHECK(contains(first.body, w.list_of({1, 2, 3})));
    CHECK(first.body.starts_with("{\"requestId\":\"sim"));
    answer second = w.transcripts({3, 1});
    CHECK(second.status == 200);
    CHECK(second.cache("hit") == "hit");
    CHECK(second.cache("detail") == "hit");
    CHECK(contains(second.body, w.list_of({3, 1})));
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("reads: only what is not kept goes to Gong")
{
    reads_harness w;
    w.start();
    w.transcripts({1, 2});
    answer a = w.transcripts({4, 2, 3, 1});
    CHECK(contains(a.body, w.list_of({4, 2, 3, 1})));
    CHECK(a.cache("detail") == "partial");
    CHECK(a.cache("kept") == "2");
    CHECK(a.cache("asked") == "4");
    REQUIRE(w.vendor->requests() == 2);
    CHECK(w.vendor->bodies()[1] == asked(w.ids({4, 3})));
    CHECK(contains(w.vendor->heads()[1], "Accept-Encoding: gzip\r\n"));
}

TEST_CASE("reads: details are kept for each selector, and feed the calls themselves")
{
    reads_harness w;
    w.start();
    w.get(w.path(9));
    answer a = w.details({1});
    CHECK(a.status == 200);
    CHECK(
        contains(a.body, "\"calls\":[{\"metaData\":" + w.vendor->body(w.id(1)) + ",\"parties\":{\"is\":\"here\"}}]}"));
    CHECK(w.details({1}, R"(,"contentSelector":{"exposedFields":{"parties":true,"content":{"brief":false}}})")
              .cache("hit") == "hit");
    answer other = w.details({1}, R"(,"contentSelector":{"exposedFields":{"interaction":true}})");
    CHECK(other.cache("fwd") == "miss");
    CHECK(contains(other.body, "\"interaction\""));
    answer call = w.get(w.path(1));
    CHECK(call.cache("hit") == "hit");
    CHECK(harness::call_of(call) == w.vendor->body(w.id(1)));
    CHECK(w.sent(details_path) == 2);
}

TEST_CASE("reads: what asks for media, dates or odd ids passes byte for byte")
{
    reads_harness w;
    w.has_no_limits();
    w.start();
    for (const std::string& body :
         {asked(w.ids({1}), R"(,"contentSelector":{"exposedFields":{"media":true}})"),
          std::string(R"({"filter": {"fromDateTime": "2026-01-01T00:00:00Z"}})"),
          std::string(R"({"filter":{"callIds":[1]}})"), asked({"undefined"}), std::string("[[[["), std::string()})
        for (int i = 0; i < 2; ++i)
        {
            CAPTURE(body);
            answer a = w.raw(w.post(details_path, body));
            CHECK(a.cache("detail") == "pass");
            CHECK(w.vendor->bodies().back() == body);
        }
    CHECK(w.vendor->requests() == 12);
    answer chunked =
        w.raw("POST " + transcripts_path + " HTTP/1.1\r\nHost: localhost:4664\r\nAuthorization: " + authorization +
              "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n3\r\n 3]\r\n0\r\n\r\n");
    CHECK(chunked.cache("detail") == "pass");
    CHECK(w.vendor->bodies().back() == "[1,2, 3]");
    answer query = w.raw(w.post(transcripts_path + "?a=1", asked(w.ids({1}))));
    CHECK(query.cache("detail") == "pass");
}

TEST_CASE("reads: a body that is longer than any read streams to Gong as it is")
{
    reads_harness w;
    w.start();
    const std::string body = asked(w.ids({1}), ",\"x\":\"" + std::string(100'000, 'x') + "\"");
    CHECK(w.raw(w.post(transcripts_path, body)).cache("detail") == "pass");
    CHECK(w.vendor->framed_bodies().back() == body);
    std::string chunks;
    for (std::size_t at = 0; at < body.size(); at += 50'000)
    {
        char size[16];
        const std::string piece = body.substr(at, 50'000);
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        chunks += size + piece + "\r\n";
    }
    answer a =
        w.raw("POST " + transcripts_path + " HTTP/1.1\r\nHost: localhost:4664\r\nAuthorization: " + authorization +
              "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
    CHECK(a.cache("detail") == "pass");
    CHECK(w.vendor->framed_bodies().back().size() > body.size());  // with the sizes of its chunks
}

TEST_CASE("reads: with the keys off everything passes")
{
    reads_harness w;
    w.config.cache.transcripts = w.config.cache.details = view_keeping::off;
    w.start();
    for (int i = 0; i < 2; ++i) CHECK(w.transcripts({1}).cache("detail") == "pass");
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("reads: what several tools wait for goes in one request, and each gets its own")
{
    reads_harness w;
    w.start();
    w.vendor->hold(transcripts_path);
    std::vector<tool_ptr> tools;
    tools.push_back(w.asks_transcripts({1}, authorization, "a"));
    tools.push_back(w.asks_transcripts({2}, authorization, "a"));
    tools.push_back(w.asks_transcripts({3}, authorization, "a"));
    tools.push_back(w.asks_transcripts({4, 5}, authorization, "a"));
    tools.push_back(w.asks_transcripts({5, 6, 1}, authorization, "b"));
    CHECK(w.vendor->requests() == 3);
    w.vendor->release(transcripts_path);
    w.answered(tools);
    CHECK(contains(tools[3]->read().body, w.list_of({4, 5})));
    answer last = tools[4]->read();
    CHECK(contains(last.body, w.list_of({5, 6, 1})));
    CHECK(w.vendor->requests() == 4);
    CHECK(w.vendor->refused() == 0);
}

TEST_CASE("reads: credentials never share an answer or a request")
{
    reads_harness w;
    w.start();
    w.transcripts({1});
    CHECK(w.transcripts({1}, other_authorization).cache("fwd") == "miss");
    w.vendor->hold(transcripts_path);
    std::vector<tool_ptr> tools;
    tools.push_back(w.asks_transcripts({2}));
    tools.push_back(w.asks_transcripts({3}));
    tools.push_back(w.asks_transcripts({4}, other_authorization));
    w.vendor->release(transcripts_path);
    w.answered(tools);
    for (const std::string& body : w.vendor->bodies()) CHECK(body.find(',') == std::string::npos);
    CHECK(w.vendor->requests() == 5);
}

TEST_CASE("reads: an id that Gong leaves out is absent, for ten seconds and no longer")
{
    reads_harness w;
    w.start();
    w.vendor->transcribe(w.id(2), transcript_is::late);
    answer a = w.transcripts({1, 2});
    CHECK(a.status == 200);
    CHECK(contains(a.body, w.list_of({1})));
    a = w.transcripts({2});
    CHECK(a.status == 404);
    CHECK(contains(a.body, "No calls found corresponding to the provided filters"));
    CHECK(a.cache("detail") == "negative");
    CHECK(w.vendor->requests() == 1);
    w.vendor->transcribe(w.id(2), transcript_is::there);
    w.clock.advance(11s);
    CHECK(contains(w.transcripts({1, 2}).body, w.list_of({1, 2})));
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("reads: none found is Gong's 404, and confirms the credential for the operation")
{
    reads_harness w;
    w.start();
    w.vendor->transcribe(w.id(1), transcript_is::late);
    answer a = w.transcripts({1});
    CHECK(a.status == 404);
    CHECK(a.cache("fwd") == "miss");
    CHECK(contains(a.body, "\"errors\":[\"No calls found corresponding to the provided filters\"]"));
    CHECK(w.transcripts({1}).cache("hit") == "hit");
}

TEST_CASE("reads: an empty transcript is answered and not kept, as it is still being made")
{
    reads_harness w;
    w.start();
    w.vendor->transcribe(w.id(1), transcript_is::empty);
    for (int i = 0; i < 2; ++i)
    {
        answer a = w.transcripts({1});
        CHECK(contains(a.body, "\"transcript\":[]"));
        CHECK(!a.has("stored"));
        CHECK(a.cache("stored") == "");
    }
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("reads: a transcript is fresh by what is known of its call when it is served")
{
    reads_harness w;
    w.start();
    const std::uint64_t old = 500'000;
    w.transcripts({old});
    w.clock.advance(6min);
    CHECK(w.transcripts({old}).cache("detail") == "stale");  // nothing is known of the call
    w.settle();
    w.get(w.path(old));
    w.clock.advance(30min);
    CHECK(w.transcripts({old}).cache("detail") == "hit");
    CHECK(w.sent(transcripts_path) == 2);
    w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(old) + "\"]}");
    w.transcripts({old});
    w.clock.advance(11min);
    CHECK(w.transcripts({old}).cache("fwd") == "miss");
}

TEST_CASE("reads: trust and refusals are each operation's own")
{
    reads_harness w;
    w.vendor_options.keys[authorization].transcripts = false;
    w.has_no_limits();
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.details({1}).status == 200);
    answer a = w.transcripts({1});
    CHECK(a.status == 403);
    CHECK(contains(a.body, "Missing scope api:calls:read:transcript"));
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    CHECK(w.details({1}).cache("hit") == "hit");
    w.vendor->allow(authorization);
    w.clock.advance(1h);
    CHECK(w.transcripts({1}).status == 200);
    w.vendor->allow(authorization, {true, true, false});
    w.clock.advance(25min);
    CHECK(w.transcripts({1, 2}).status == 403);
    CHECK(w.transcripts({1}).status == 403);  // nothing is read under a credential that was refused
    w.vendor->withdraw(authorization);
    CHECK(w.transcripts({3}).status == 401);
    const std::size_t before = w.vendor->requests();
    CHECK(w.transcripts({1}).status == 401);
    CHECK(w.vendor->requests() == before);
}

TEST_CASE("reads: a refusal that one tool's id causes is seen by nobody else")
{
    reads_harness w;
    w.start();
    w.vendor->fail(w.id(13), 400);
    w.vendor->hold(transcripts_path);
    std::vector<tool_ptr> tools;
    for (std::uint64_t n : {1, 2, 3}) tools.push_back(w.asks_transcripts({n}));
    tools.push_back(w.asks_transcripts({11, 12}, authorization, "a"));
    tools.push_back(w.asks_transcripts({13, 14}, authorization, "b"));
    tools.push_back(w.asks_transcripts({14, 15}, authorization, "c"));
    w.vendor->release(transcripts_path);
    w.answered(tools);
    CHECK(contains(tools[3]->read().body, w.list_of({11, 12})));
    CHECK(tools[4]->read().status == 400);
    CHECK(contains(tools[5]->read().body, w.list_of({14, 15})));
    // All of them; the first two tools; each of these; the third; and what the third shared with the second.
    CHECK(w.vendor->requests() == 3 + 6);
    w.clock.advance(3s);
    CHECK(w.transcripts({14}).cache("hit") == "hit");
}

TEST_CASE("reads: a purge, and an erasure, drop every view")
{
    reads_harness w;
    w.start();
    w.transcripts({1, 2});
    w.details({1});
    w.clock.advance(3s);
    CHECK(w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(1) + "\"]}").status == 200);
    w.vendor->edit(w.id(1));
    answer a = w.transcripts({1, 2});
    CHECK(a.cache("kept") == "1");
    CHECK(contains(a.body, w.list_of({1, 2})));
    CHECK(w.details({1}).cache("fwd") == "miss");
    w.clock.advance(3s);
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").status == 200);
    CHECK(w.transcripts({1, 2}).cache("kept") == "0");
}

TEST_CASE("reads: what was sent before a purge is neither kept nor joined")
{
    reads_harness w;
    w.start();
    w.vendor->hold(transcripts_path);
    auto before = w.asks_transcripts({1});
    CHECK(w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(1) + "\"]}").status == 200);
    auto after = w.asks_transcripts({1});
    CHECK(w.vendor->requests() == 2);
    w.vendor->release(transcripts_path);
    CHECK(before->read().cache("stored") == "");
    CHECK(after->read().status == 200);
    CHECK(w.transcripts({1}).cache("hit") == "hit");
}

TEST_CASE("reads: an outage is answered from what is kept if all of it is, and never with a part")
{
    reads_harness w;
    w.start();
    w.transcripts({1, 2});
    w.clock.advance(20min);
    w.vendor->go_down();
    w.clock_runs = true;
    answer a = w.transcripts({1, 2});
    CHECK(a.status == 200);
    CHECK(contains(a.body, w.list_of({1, 2})));
    CHECK(a.cache("detail") == "error");
    CHECK(w.transcripts({1, 3}).status == 502);
}

TEST_CASE("reads: a gateway's error is tried again, and then told")
{
    reads_harness w;
    w.start();
    w.clock_runs = true;
    w.get(w.path(9));
    w.script(transcripts_path, "502 Bad Gateway", "{}");
    CHECK(w.transcripts({1, 2}).status == 502);
    CHECK(w.sent(transcripts_path) >= 2);
    CHECK(w.sent(transcripts_path) <= 3);
}

TEST_CASE("reads: Gong's 429 pauses, and the read goes again")
{
    reads_harness w;
    w.start();
    w.vendor->script(transcripts_path, sim::scripted{limited("2")});
    auto t = w.asks_transcripts({1, 2});
    w.vendor->script(transcripts_path, {});
    std::vector<tool_ptr> tools;
    tools.push_back(std::move(t));
    CHECK(w.answered(tools) >= 2s);
    CHECK(contains(tools[0]->read().body, w.list_of({1, 2})));
    CHECK(w.sent(transcripts_path) == 2);
}

TEST_CASE("reads: an answer that is not Gong's word on these calls is handed on as it comes, and nothing of it is kept")
{
    reads_harness w;
    w.has_no_limits();
    w.start();
    const std::string one = w.vendor->transcript(w.id(1)), two = w.vendor->transcript(w.id(2));
    const std::vector<std::string> odd{
        "[]",
        "{\"requestId\":\"a\"}",
        "{\"requestId\":\"a\",\"callTranscripts\":null}",
        "{\"requestId\":\"a\",\"callTranscripts\":[" + one + "," + one + "]}",
        "{\"requestId\":\"a\",\"callTranscripts\":[" + two + "]}",
        "{\"requestId\":\"a\",\"callTranscripts\":[" + one + "]",
        "{\"requestId\":\"a\",\"callTranscripts\":[{\"transcript\":[]}]}",
        "{\"requestId\":\"a\",\"callTranscripts\":[{\"callId\":\"" + w.id(1) +
            "\",\"callId\":\"7\",\"transcript\":[]}]}",
    };
    for (const std::string& body : odd)
    {
        CAPTURE(body);
        w.operate("POST", "/purge", "{\"all\":true}");
        w.clock.advance(2h);
        w.script(transcripts_path, "200 OK", body);
        answer a = w.transcripts({1});
        CHECK(a.cache("detail") == "pass");
        CHECK(a.body == body);
        w.vendor->script(transcripts_path, {});
        w.clock.advance(2h);
        CHECK(w.transcripts({1}).cache("fwd") == "miss");
    }
}

TEST_CASE("reads: two answers in doubt within an hour, and the credential's reads pass for an hour")
{
    reads_harness w;
    w.has_no_limits();
    w.start();
    w.script(transcripts_path, "200 OK", "{}");
    w.transcripts({1});
    w.transcripts({1});
    CHECK(w.vendor->requests() == 4);
    w.transcripts({1});
    CHECK(w.vendor->requests() == 5);
    CHECK(contains(w.out.text(), "is not answered call by call"));
    w.vendor->script(transcripts_path, {});
    CHECK(w.transcripts({1}).cache("detail") == "pass");
    w.clock.advance(61min);
    CHECK(w.transcripts({1}).cache("detail") == "miss");
}

TEST_CASE("reads: what is behind a cursor is asked for again, and the page size is remembered")
{
    reads_harness w;
    w.has_no_limits();
    w.start();
    w.vendor->page(2);
    answer a = w.transcripts({1, 2, 3, 4, 5});
    CHECK(contains(a.body, w.list_of({1, 2, 3, 4, 5})));
    CHECK(w.vendor->requests() == 3);
    CHECK(contains(w.transcripts({6, 7, 8}).body, w.list_of({6, 7, 8})));
    CHECK(w.vendor->requests() == 5);
}

TEST_CASE("reads: a gzipped answer is read")
{
    reads_harness w;
    w.start();
    w.vendor->gzip();
    CHECK(contains(w.transcripts({1, 2}).body, w.list_of({1, 2})));
    CHECK(w.transcripts({1, 2}).cache("hit") == "hit");
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("reads: what is kept survives a restart, and is served offline")
{
    reads_harness w;
    w.start();
    w.transcripts({1, 2});
    w.details({1});
    w.settle();
    w.stop();
    w.start();
    CHECK(w.transcripts({2, 1}).cache("hit") == "hit");
    w.stop();
    w.config.mode = run_mode::offline;
    w.clock.advance(5h);
    w.start();
    CHECK(contains(w.transcripts({2, 1}).body, w.list_of({2, 1})));
    CHECK(w.details({1}).status == 200);
    CHECK(w.transcripts({3}).status == 504);
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("reads: a stale read is answered at once and refreshed behind")
{
    reads_harness w;
    w.start();
    w.get(w.path(1));
    w.details({1});
    w.clock.advance(3s);
    const wall_time before = w.clock.wall();
    w.vendor->edit(w.id(1));
    answer a;
    for (int i = 0; i < 200 && a.cache("detail") != "stale"; ++i)
    {
        w.clock.advance(1min);
        a = w.details({1});
    }
    CHECK(a.cache("detail") == "stale");
    CHECK(w.clock.wall() > before);
    CHECK(!contains(a.body, "edited 1"));
    w.settle();
    CHECK(contains(w.details({1}).body, "edited 1"));
}

TEST_CASE("reads: a tool that hangs up takes nobody along, and what it asked for is kept")
{
    reads_harness w;
    w.start();
    w.vendor->hold(transcripts_path);
    auto gone = w.asks_transcripts({1, 2});
    gone->hang_up();
    auto stays = w.asks_transcripts({2});
    w.vendor->release(transcripts_path);
    CHECK(contains(stays->read().body, w.list_of({2})));
    w.settle();
    CHECK(w.transcripts({1, 2}).cache("hit") == "hit");
}

TEST_CASE("reads: a tool's own Cache-Control is followed")
{
    reads_harness w;
    w.start();
    CHECK(w.transcripts({1}, authorization, "Cache-Control: only-if-cached\r\n").status == 504);
    w.transcripts({1});
    CHECK(w.transcripts({1}, authorization, "Cache-Control: no-cache\r\n").cache("detail") == "kept-young");
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("reads: one call confirms a credential for all that are kept")
{
    reads_harness w;
    w.start();
    w.get(w.path(500'000));
    w.get(w.path(500'001));
    w.get(w.path(500'002));
    w.clock.advance(3s);
    w.transcripts({500'000, 500'001, 500'002});
    w.clock.advance(5h);
    answer a = w.transcripts({500'000, 500'001, 500'002});
    CHECK(a.cache("kept") == "2");
    CHECK(w.vendor->bodies().back() == asked(w.ids({500'000})));
    CHECK(w.sent(transcripts_path) == 2);
}

TEST_CASE("reads: a hundred calls of a read weigh as much as one request in the queue")
{
    reads_harness w;
    w.config.budget.queue_max = 3;
    w.start();
    w.get(w.path(900'000));
    w.clock.advance(3s);
    w.vendor->hold(transcripts_path);
    std::vector<tool_ptr> tools;
    for (std::uint64_t n = 0; n < 6; ++n) tools.push_back(w.asks_transcripts({10 * n + 1, 10 * n + 2, 10 * n + 3}));
    w.vendor->release(transcripts_path);
    w.answered(tools);
    for (auto& t : tools) CHECK(t->read().status == 200);
}

TEST_CASE("reads: a tool that asks for thousands of calls at once is refused, and another's read is answered")
{
    reads_harness w;
    w.config.budget.queue_max = 20;
    w.config.budget.wait_max = 10min;
    w.start();
    w.get(w.path(900'000));
    w.clock.advance(3s);
    w.vendor->hold(transcripts_path);
    auto hundred = [&](std::uint64_t from) {
        std::vector<std::string> ids;
        for (std::uint64_t n = from; n < from + 100; ++n) ids.push_back(w.id(n));
        auto t = std::make_unique<tool>(w);
        t->send(w.post("/@greedy" + transcripts_path, asked(ids)));
        w.settle();
        return t;
    };
    std::vector<tool_ptr> greedy;
    for (std::uint64_t n = 0; n < 12; ++n) greedy.push_back(hundred(1000 + 100 * n));
    std::vector<tool_ptr> all;
    all.push_back(w.asks_transcripts({1, 2}, authorization, "small"));
    // The calls of a read that was refused wait no more.
    CHECK(w.cache->misses().report().spending.interactive <= 100 + 3 * 100 + 2);
    w.vendor->release(transcripts_path);
    for (tool_ptr& t : greedy) all.push_back(std::move(t));
    w.answered(all);
    CHECK(all.front()->read().status == 200);
    std::size_t refused = 0;
    for (std::size_t i = 1; i < all.size(); ++i)
    {
        answer a = all[i]->read();
        refused += a.status == 429;
        if (a.status == 429) CHECK(contains(a.body, "budget.queue_max"));
    }
    CHECK(refused >= 6);
    CHECK(refused < 12);
}

TEST_CASE("reads: with memory a transcript is answered until a restart, and is never in the file")
{
    reads_harness w;
    w.config.cache.transcripts = view_keeping::memory;
    w.start();
    w.transcripts({1});
    w.details({2});
    CHECK(w.transcripts({1}).cache("hit") == "hit");
    w.start();
    CHECK(w.transcripts({1}).cache("fwd") == "miss");
    CHECK(w.details({2}).cache("hit") == "hit");
}

TEST_CASE("reads: what is kept is deleted where the setting does not allow it any more")
{
    reads_harness w;
    w.config.cache.calls.fresh_min = 1h;
    w.start();
    w.transcripts({1});
    w.details({2});
    auto restart_with = [&](view_keeping transcripts) {
        w.config.cache.transcripts = transcripts;
        w.start();
    };
    SUBCASE("off, at a start")
    {
        restart_with(view_keeping::off);
        w.run_until([&] { return w.cache->kept().disk().current().entries == 1; });  // the details
        restart_with(view_keeping::on);
        CHECK(w.transcripts({1}).cache("fwd") == "miss");
    }
    SUBCASE("memory, at a start: on the disk")
    {
        restart_with(view_keeping::memory);
        CHECK(w.transcripts({1}).cache("fwd") == "miss");
        CHECK(w.transcripts({1}).cache("hit") == "hit");
        restart_with(view_keeping::on);
        CHECK(w.transcripts({1}).cache("fwd") == "miss");
    }
    SUBCASE("off, by a reload: in memory too")
    {
        w.config.cache.transcripts = view_keeping::off;
        CHECK(contains(w.operate("POST", "/reload").body, "cache.transcripts: on"));
        CHECK(w.transcripts({1}).cache("detail") == "pass");
        w.config.cache.transcripts = view_keeping::on;
        w.operate("POST", "/reload");
        w.run_until([&] { return w.cache->kept().disk().current().entries == 1; });
        w.clock.advance(2s);
        CHECK(w.transcripts({1}).cache("fwd") == "miss");
    }
    SUBCASE("memory, by a reload: what is in memory stays")
    {
        w.config.cache.transcripts = view_keeping::memory;
        w.operate("POST", "/reload");
        CHECK(w.transcripts({1}).cache("hit") == "hit");
    }
    CHECK(w.details({2}).cache("hit") == "hit");
}

TEST_CASE("explain: a call's transcript and details are told, each until when it is fresh")
{
    reads_harness w;
    w.start();
    auto explain = [&] { return w.operate("GET", "/explain/" + w.id(1)).body; };
    CHECK(contains(explain(), "\"views\":[]"));
    w.get(w.path(1));
    w.transcripts({1});
    w.details({1});
    const std::string text = explain();
    CAPTURE(text);
    CHECK(contains(text, "\"view\":\"transcript\",\"name\":\"" + w.id(1) + "?transcript\""));
    CHECK(contains(text, "\"view\":\"details\",\"name\":\"" + w.id(1) + "?details="));
    CHECK(contains(text, "transcript under #"));
    CHECK(count_of(text, "\"state\":\"fresh\"") == 3);
    // All three under the name of the one credential.
    const std::size_t at = text.find("\"credential\":\"#");
    const std::string named = text.substr(at, std::string("\"credential\":\"#5f0c9a\"").size());
    CHECK(count_of(text, named) == 3);
    w.clock.advance(400 * 24h);
    CHECK_FALSE(contains(explain(), "\"state\":\"fresh\""));
}

TEST_CASE("explain: the transcript of a private call is fresh for no longer than it is served so")
{
    reads_harness w;
    w.start();
    w.get(w.path(5));
    w.transcripts({5});
    w.clock.advance(6min);
    const std::string text = w.operate("GET", "/explain/" + w.id(5)).body;
    const std::size_t at = text.find("\"view\":\"transcript\"");
    REQUIRE(at != std::string::npos);
    CHECK_FALSE(text.substr(at, 200).find("\"state\":\"fresh\"") != std::string::npos);
    CHECK(w.transcripts({5}).cache("detail") == "stale");
}

TEST_CASE("purge: a call of which only a transcript is kept counts as kept")
{
    reads_harness w;
    w.start();
    w.transcripts({1});
    const std::string order = "{\"ids\": [\"" + w.id(1) + "\"]}";
    CHECK(w.operate("POST", "/purge", order).body == "{\"purged\":1,\"kept\":1}\n");
    CHECK(w.operate("POST", "/purge", order).body == "{\"purged\":1,\"kept\":0}\n");
    CHECK(w.transcripts({1}).cache("fwd") == "miss");
}
