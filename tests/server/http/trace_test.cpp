#include "server/http/trace.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace callcache;

namespace
{

const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string_view of(const std::string& value)
{
    std::vector<field_view> fields{{"Accept", "*/*"}, {"TraceParent", value}};
    return traceparent_of(fields);
}

}  // namespace

TEST_CASE("trace: a well-formed traceparent is handed on")
{
    CHECK(of(good) == good);
    CHECK(of("cc" + good.substr(2)) == "cc" + good.substr(2));
    CHECK(traceparent_of({}) == "");
}

TEST_CASE("trace: one that is not well-formed, or not alone, is as if it were not there")
{
    for (const std::string& bad :
         std::vector<std::string>{"", "ff" + good.substr(2), "0" + good, good + "-x", good.substr(0, 54),
                                  "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                  "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"})
    {
        CAPTURE(bad);
        CHECK(of(bad) == "");
    }
    std::vector<field_view> twice{{"traceparent", good}, {"traceparent", good}};
    CHECK(traceparent_of(twice) == "");
    std::vector<field_view> thrice{{"traceparent", good}, {"traceparent", "x"}, {"traceparent", good}};
    CHECK(traceparent_of(thrice) == "");
}

TEST_CASE("trace: the vendor's number of a request is read from the beginning of its answer, if it is a plain one")
{
    CHECK(request_id_in(R"({"requestId":"4al018gzaztcr8nbukw","call":{}})") == "4al018gzaztcr8nbukw");
    CHECK(request_id_in(R"({"call":{}})") == "");
    CHECK(request_id_in(R"({"requestId":"a b"})") == "");
    CHECK(request_id_in(R"({"requestId":")" + std::string(65, 'a') + "\"}") == "");
    CHECK(request_id_in(R"({"requestId":"abc)") == "");
    CHECK(request_id_in(std::string(200, ' ') + R"({"requestId":"abc"})") == "");
}
