// Good answers in an odd form: JSON that the grammar allows and many readers refuse, and gzip that nobody asked for.

#include "tests/support/budget_harness.hpp"
#include "tests/support/gzip.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string list_target = "/v2/calls?fromDateTime=2020-01-01T00:00:00Z&toDateTime=2035-01-01T00:00:00Z";
const std::string bulk_path = "/v2/calls/extensive";
const std::string coded = "Content-Encoding: gzip\r\n";
const fields only_kept{{"Cache-Control", "only-if-cached"}};

struct odd_harness : harness
{
    // The call object, with something more in it.
    std::string call_with(std::uint64_t number, const std::string& members) const
    {
        std::string call = vendor->body(id(number));
        call.pop_back();
        return call + "," + members + "}";
    }

    void script(const std::string& name, const std::string& body, const std::string& more = "")
    {
        vendor->script(name, sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more +
                                           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
    }

    // A list, or a bulk read of a tool's own: it is handed on as it came, and each call is kept with its own bytes.
    void check_brought(const std::vector<std::string>& calls, bool is_list, bool is_coded)
    {
        std::string elements;
        for (const std::string& c : calls)
            elements += (elements.empty() ? "" : ",") + (is_list ? c : "{\"metaData\":" + c + "}");
        const std::string plain = R"({"requestId":"r","calls":[)" + elements + "]}";
        const std::string body = is_coded ? gzipped(plain) : plain;
        script(is_list ? "/v2/calls" : bulk_path, body, is_coded ? coded : "");
        get(path(900));  // a bulk read is not kept under a credential that was never accepted
        answer a = is_list ? get(list_target) : send("POST", bulk_path, {{"Content-Length", "0"}});
        CHECK(a.status == 200);
        CHECK(a.body == body);
        CHECK(a.header("content-encoding") == (is_coded ? "gzip" : ""));
        run_for_a_while();
        for (std::size_t n = 0; n < calls.size(); ++n)
        {
            CAPTURE(n);
            answer kept = get(path(n + 1), only_kept);
            CHECK(kept.status == 200);
            CHECK(kept.body == "{\"requestId\":\"r\",\"call\":" + calls[n] + "}");
        }
    }
};

// Half an emoji, and a number beyond a double.
const std::string odd_members[] = {R"("x":"\ud83d")", R"("x":"\ude00\ud83d")", R"("x":1e999)",
                                   R"("x":[-1E+400,{"\udead":0.1e-999}])"};

}  // namespace

TEST_SUITE_BEGIN("scenario: odd answers");

TEST_CASE("half an emoji or a number beyond a double: a miss, then a hit, byte for byte")
{
    for (const std::string& members : odd_members)
    {
        CAPTURE(members);
        odd_harness w;
        w.start();
        const std::string body = "{\"requestId\":\"r\",\"call\":" + w.call_with(1, members) + "}";
        w.script(w.id(1), body);
        answer miss = w.get(w.path(1)), hit = w.get(w.path(1));
        CHECK(miss.status == 200);
        CHECK(miss.body == body);
        CHECK(miss.cache("stored") == "stored");
        CHECK(hit.cache("hit") == "hit");
        CHECK(hit.body == body);
        CHECK(w.vendor->requests(w.id(1)) == 1);
    }
}

TEST_CASE("half an emoji or a number beyond a double in one call of a list or a bulk read: all of its calls are kept")
{
    for (const std::string& members : odd_members)
        for (bool is_list : {true, false})
        {
            CAPTURE(members);
            odd_harness w;
            w.start();
            w.check_brought({w.vendor->body(w.id(1)), w.call_with(2, members), w.vendor->body(w.id(3))}, is_list,
                            false);
        }
}

TEST_CASE("half an emoji in the vendor's 404: it is the vendor's word, and remembered")
{
    odd_harness w;
    w.start();
    const std::string errors = R"({"requestId":"r","errors":["Call \ud83d was not found"]})";
    w.vendor->script(w.id(1), sim::scripted{"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
                                            "Content-Length: " +
                                            std::to_string(errors.size()) + "\r\n\r\n" + errors});
    CHECK(w.get(w.path(1)).status == 404);
    CHECK(w.get(w.path(1)).cache("detail") == "negative");
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("a lookup that is gzipped unasked is decoded: a miss, then a hit, uncoded")
{
    for (const char* coding : {"gzip", "GZip", "x-gzip", " gzip "})
    {
        odd_harness w;
        w.start();
        const std::string body = "{\"requestId\":\"r\",\"call\":" + w.vendor->body(w.id(1)) + "}";
        w.script(w.id(1), gzipped(body), "Content-Encoding:" + std::string(coding) + "\r\nVary: Accept-Encoding\r\n");
        for (const char* word : {"miss", "hit"})
        {
            CAPTURE(word);
            answer a = w.get(w.path(1));
            CHECK(a.status == 200);
            CHECK(a.body == body);
            CHECK_FALSE(a.has("content-encoding"));
            CHECK(a.cache("detail") == word);
        }
        CHECK(w.vendor->requests(w.id(1)) == 1);
    }
}

TEST_CASE("a 404 that is gzipped unasked is the vendor's word, and a kept route's answer is kept uncoded")
{
    odd_harness w;
    w.config.cache.routes = {{"/v2/users/{id}", 1h, true}};
    w.start();
    const std::string errors = gzipped(R"({"requestId":"r","errors":["Call ID was not found"]})");
    w.vendor->script(w.id(1), sim::scripted{"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n" + coded +
                                            "Content-Length: " + std::to_string(errors.size()) + "\r\n\r\n" + errors});
    CHECK(w.get(w.path(1)).body.starts_with("{\"requestId\""));
    CHECK(w.get(w.path(1)).cache("detail") == "negative");
    w.script("/v2/users/5", gzipped("{\"user\":5}"), coded);
    CHECK(w.get("/v2/users/5").body == "{\"user\":5}");
    CHECK(w.get("/v2/users/5").cache("hit") == "hit");
}

TEST_CASE("a list or a tool's own bulk read that is gzipped passes through untouched, and its calls are kept")
{
    for (bool is_list : {true, false})
    {
        odd_harness w;
        w.start();
        w.check_brought({w.vendor->body(w.id(1)), w.vendor->body(w.id(2))}, is_list, true);
    }
}

TEST_CASE(
    "a list whose gzip is broken, or unfolds to more than is looked at, passes through, and nothing is kept of it")
{
    odd_harness w;
    w.start();
    const std::string list = R"({"requestId":"r","calls":[)" + w.vendor->body(w.id(1)) + "]";
    for (const std::string& body : {gzipped(list + "}") + "x", gzipped(list + "}").substr(0, 100),
                                    gzipped(list + std::string(8 << 20, ' ') + "}")})
    {
        w.script("/v2/calls", body, coded);
        CHECK(w.get(list_target).body == body);
        w.run_for_a_while();
        CHECK(w.get(w.path(1), only_kept).status == 504);
    }
}

TEST_SUITE_END();
