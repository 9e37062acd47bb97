// Good answers in an odd form: JSON that the grammar allows and many readers refuse.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string list_target = "/v2/calls?fromDateTime=2020-01-01T00:00:00Z&toDateTime=2035-01-01T00:00:00Z";
const std::string bulk_path = "/v2/calls/extensive";
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

    void script(const std::string& name, const std::string& body)
    {
        vendor->script(name, sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                           "Content-Length: " +
                                           std::to_string(body.size()) + "\r\n\r\n" + body});
    }

    // A list, or a bulk read of a tool's own: it is handed on as it came, and each call is kept with its own bytes.
    void check_brought(const std::vector<std::string>& calls, bool is_list)
    {
        std::string elements;
        for (const std::string& c : calls)
            elements += (elements.empty() ? "" : ",") + (is_list ? c : "{\"metaData\":" + c + "}");
        const std::string body = R"({"requestId":"r","calls":[)" + elements + "]}";
        script(is_list ? "/v2/calls" : bulk_path, body);
        get(path(900));  // a bulk read is not kept under a credential that was never accepted
        answer a = is_list ? get(list_target) : send("POST", bulk_path, {{"Content-Length", "0"}});
        CHECK(a.status == 200);
        CHECK(a.body == body);
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
            w.check_brought({w.vendor->body(w.id(1)), w.call_with(2, members), w.vendor->body(w.id(3))}, is_list);
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

TEST_SUITE_END();
