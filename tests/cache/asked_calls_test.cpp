// Which bodies are reads of calls by their ids.

#include "cache/asked_calls.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

std::optional<asked_calls> details(std::string_view body)
{
    return read_asked_calls(call_view::details, body);
}

std::string with_ids(std::size_t count)
{
    std::string ids;
    for (std::size_t i = 1; i <= count; ++i) ids += (i == 1 ? "\"" : ",\"") + std::to_string(i) + "\"";
    return R"({"filter":{"callIds":[)" + ids + "]}}";
}

}  // namespace

TEST_SUITE_BEGIN("asked calls");

TEST_CASE("asked calls: the ids are taken in the order of the request, each once, however the body is written")
{
    for (const char* body : {
             R"({"filter":{"callIds":["22","1","22"]}})",
             R"( { "cursor" : null , "filter" : { "callIds" : [ "22" , "1" ] , "fromDateTime" : null } } )",
             R"({"\u0066ilter":{"callIds":["\u0032\u0032","1"]}})",
         })
    {
        CAPTURE(body);
        auto asked = read_asked_calls(call_view::transcript, body);
        REQUIRE(asked);
        CHECK(asked->ids == std::vector<std::string>{"22", "1"});
        CHECK(asked->rest == "");
        CHECK(asked->variant == "transcript");
        CHECK(!asked->is_volatile);
    }
    CHECK(read_asked_calls(call_view::transcript, with_ids(100)));
}

TEST_CASE("asked calls: whatever is not such a read without doubt passes")
{
    const std::string bom = "\xef\xbb\xbf";
    for (const std::string& body : {
             std::string(),
             std::string("5"),
             std::string("[]"),
             std::string("{}"),
             std::string("null"),
             std::string(R"({"filter":{}})"),
             std::string(R"({"filter":null})"),
             std::string(R"({"filter":["1"]})"),
             std::string(R"({"filter":{"callIds":null}})"),
             std::string(R"({"filter":{"callIds":[]}})"),
             std::string(R"({"filter":{"callIds":"1"}})"),
             std::string(R"({"filter":{"callIds":[1]}})"),
             std::string(R"({"filter":{"callIds":["1",2]}})"),
             std::string(R"({"filter":{"callIds":["1",null]}})"),
             std::string(R"({"filter":{"callIds":[["1"]]}})"),
             std::string(R"({"filter":{"callIds":["01"]}})"),
             std::string(R"({"filter":{"callIds":["0"]}})"),
             std::string(R"({"filter":{"callIds":[""]}})"),
             std::string(R"({"filter":{"callIds":["1a"]}})"),
             std::string(R"({"filter":{"callIds":["undefined"]}})"),
             std::string(R"({"filter":{"callIds":["123456789012345678901"]}})"),
             std::string(R"({"filter":{"callIds":["1"],"fromDateTime":"2026-01-01T00:00:00Z"}})"),
             std::string(R"({"filter":{"callIds":["1"],"workspaceId":"1"}})"),
             std::string(R"({"filter":{"callIds":["1"],"x":false}})"),
             std::string(R"({"filter":{"callIds":["1"],"callIds":["2"]}})"),
             std::string(R"({"filter":{"callIds":["1"]},"filter":{"callIds":["2"]}})"),
             std::string(R"({"filter":{"callIds":["1"]},"\u0066ilter":{"callIds":["2"]}})"),
             std::string(R"({"filter":{"callIds":["1"]},"a":{"b":1,"b":1}})"),
             std::string(R"({"filter":{"callIds":["1"]},"a\u0000":1})"),
             std::string(R"({"filter":{"callIds":["1"]},"cursor":"c"})"),
             std::string(R"({"filter":{"callIds":["1"]},"cursor":""})"),
             std::string(R"({"filter":{"callIds":["1"]}}x)"),
             std::string(R"({"filter":{"callIds":["1"]})"),
             std::string(R"({"filter":{"callIds":["1"]},"contentSelector":{"exposedFields":{"media":true}}})"),
             std::string(
                 R"({"filter":{"callIds":["1"]},"contentSelector":{"exposedFields":{"media":{"audio":true}}}})"),
             bom + R"({"filter":{"callIds":["1"]}})",
             with_ids(101),
             std::string(60000, '['),
             R"({"filter":{"callIds":["1"]},"a":")" + std::string(64 << 10, 'a') + "\"}",
         })
    {
        CAPTURE(body.substr(0, 100));
        CHECK(!details(body));
    }
}

TEST_CASE("asked calls: selectors that ask for the same are the same variant, and others are not")
{
    auto of = [](const std::string& selector) {
        auto asked = details(R"({"filter":{"callIds":["1"]},"contentSelector":)" + selector + "}");
        REQUIRE(asked);
        return *asked;
    };
    const asked_calls plain = of("null");
    CHECK(plain.variant == "details");
    for (const char* same : {"{}", "false", R"({"exposedFields":{}})", R"({"exposedFields":{"media":false}})",
                             R"({"context":null,"exposedFields":{"parties":false,"content":{"brief":null}}})"})
        CHECK(of(same).variant == plain.variant);

    const asked_calls parties = of(R"({"exposedFields":{"parties":true,"content":{"brief":true,"topics":false}}})");
    CHECK(parties.rest == R"(,"contentSelector":{"exposedFields":{"content":{"brief":true},"parties":true}})");
    CHECK(of(R"({ "exposedFields" : {"content":{"brief":true}, "parties" : true} , "context" : null })").variant ==
          parties.variant);
    CHECK(parties.variant.starts_with("details="));
    for (const char* other :
         {R"({"exposedFields":{"parties":true}})", R"({"exposedFields":{"content":{"brief":true}}})",
          R"({"exposedFields":{"parties":true,"content":{"brief":"true"}}})",
          R"({"exposedFields":{"parties":true,"content":{"brief":true,"topics":true}}})"})
        CHECK(of(other).variant != parties.variant);
    CHECK(details(R"({"filter":{"callIds":["1"]},"x":1})")->variant !=
          details(R"({"filter":{"callIds":["1"]},"x":[1]})")->variant);
}

TEST_CASE("asked calls: CRM fields and comments are volatile")
{
    auto is_volatile = [](const std::string& selector) {
        return details(R"({"filter":{"callIds":["1"]},"contentSelector":)" + selector + "}")->is_volatile;
    };
    CHECK(is_volatile(R"({"context":"Basic"})"));
    CHECK(is_volatile(R"({"context":"Extended","contextTiming":["Now"]})"));
    CHECK(is_volatile(R"({"exposedFields":{"collaboration":{"publicComments":true}}})"));
    CHECK(!is_volatile(R"({"context":"None"})"));
    CHECK(!is_volatile(R"({"exposedFields":{"collaboration":{"publicComments":false},"parties":true}})"));
}

TEST_CASE("asked calls: what is sent asks for the ids, on the same terms")
{
    auto asked =
        details(R"({"b":[1, 2],"filter":{"callIds":["1","2"]},"contentSelector":{"context":"Basic"},"a":null})");
    REQUIRE(asked);
    CHECK(body_of_read({"7"}, asked->rest) ==
          R"({"filter":{"callIds":["7"]},"a":null,"b":[1,2],"contentSelector":{"context":"Basic"}})");
    CHECK(body_of_read({"1", "22"}, "") == R"({"filter":{"callIds":["1","22"]}})");
}
