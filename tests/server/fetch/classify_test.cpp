#include "server/fetch/classify.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const std::string json = "application/json";
const std::string call_5 = R"({"requestId":"r","call":{"id":"5","title":"t"}})";
const std::string not_found = R"({"requestId":"r","errors":["Call ID 5 was not found"]})";

using fields_of_answer = std::vector<field>;

upstream_answer answer(unsigned status, std::string body, std::string type = json)
{
    return {status, {{"Content-Type", type}}, std::move(body)};
}

meaning what(const upstream_answer& a, std::string_view id = "5")
{
    classification j = classify(a, id);
    CHECK((j.what == meaning::nonsense) != j.why.empty());
    return j.what;
}

bool is(const upstream_answer& a, meaning expected)
{
    CAPTURE(a.status);
    CAPTURE(a.body);
    CHECK(int(what(a)) == int(expected));
    return true;
}

}  // namespace

TEST_CASE("classify: the call that was asked for is found, in the answer's own bytes")
{
    upstream_answer a = answer(200, call_5);
    classification j = classify(a, "5");
    CHECK(j.what == meaning::found);
    CHECK(j.call.id == "5");
    CHECK(j.call.call == R"({"id":"5","title":"t"})");
    CHECK(j.call.call.data() == a.body.data() + a.body.find("{\"id"));
}

TEST_CASE("classify: a 200 that is not the call asked for is nonsense")
{
    is(answer(200, R"({"call":{"id":"6"}})"), meaning::nonsense);
    is(answer(200, R"({"call":{"id":"05"}})"), meaning::nonsense);
    is(answer(200, R"({"call":{"id":"5 "}})"), meaning::nonsense);
    is(answer(200, R"({"call":{"id":"5\u0000"}})"), meaning::nonsense);
    is(answer(200, R"({"call":{"id":5}})"), meaning::nonsense);
    is(answer(200, R"({"call":{}})"), meaning::nonsense);
    is(answer(200, R"({"id":"5"})"), meaning::nonsense);
    is(answer(200, not_found), meaning::nonsense);
    is(answer(200, ""), meaning::nonsense);
    is(answer(200, "<html>log in</html>"), meaning::nonsense);
    is(answer(200, call_5.substr(0, call_5.size() - 1)), meaning::nonsense);
    is(answer(200, call_5 + "x"), meaning::nonsense);
    is(answer(200, R"({"call":{"id":"5"},"call":{"id":"5"}})"), meaning::nonsense);
    CHECK(what(answer(200, call_5), "55") == meaning::nonsense);
    CHECK(what(answer(200, call_5), "") == meaning::nonsense);
}

TEST_CASE("classify: only JSON is kept")
{
    for (std::string type : {"application/json", "APPLICATION/JSON", "application/json; charset=utf-8",
                             "application/json ;charset=utf-8", "application/vnd.gong+json"})
        is(answer(200, call_5, type), meaning::found);
    for (std::string type : {"text/html", "text/plain", "", "application/jsonx", "xapplication/json", "+json", "json",
                             "text/html; application/json", "application/octet-stream"})
        is(answer(200, call_5, type), meaning::nonsense);
    is({200, {}, call_5}, meaning::nonsense);
}

TEST_CASE("classify: only what is not coded is kept")
{
    for (std::string coding : {"gzip", "br", "deflate", "gzip, identity", "x"})
    {
        upstream_answer a = answer(200, call_5);
        a.fields.emplace_back("content-encoding", coding);
        is(a, meaning::nonsense);
    }
    for (std::string coding : {"identity", "Identity", ""})
    {
        upstream_answer a = answer(200, call_5);
        a.fields.emplace_back("Content-Encoding", coding);
        is(a, meaning::found);
    }
}

TEST_CASE("classify: an answer of 1 MiB is kept, a larger one is not")
{
    std::string head = R"({"call":{"id":"5","title":")", tail = "\"}}";
    is(answer(200, head + std::string((1 << 20) - head.size() - tail.size(), 'x') + tail), meaning::found);
    is(answer(200, head + std::string((1 << 20) - head.size() - tail.size() + 1, 'x') + tail), meaning::nonsense);
}

TEST_CASE("classify: a 404 in the vendor's shape says that there is no such call")
{
    is(answer(404, not_found), meaning::not_found);
    is(answer(404, not_found, "application/json;charset=utf-8"), meaning::not_found);
}

TEST_CASE("classify: a 403 or 404 of somebody else on the way says nothing about the call")
{
    const std::string coded = "gzip";
    for (unsigned status : {403u, 404u})
    {
        for (const char* body :
             {"<html>not found</html>", "", "[]", "null", "{}", R"({"message":"no Route matched"})",
              R"({"errors":["no"]})", R"({"requestId":"r"})", R"({"requestId":"r","errors":"no"})",
              R"({"requestId":5,"errors":["no"]})", R"({"requestId":"r","errors":{}})",
              R"({"x":{"requestId":"r","errors":["no"]}})", R"([{"requestId":"r","errors":["no"]}])",
              R"({"requestId":"r","errors":["no"],"errors":["no"]})", R"({"requestId":"r","errors":["no"]}x)"})
            is(answer(status, body), meaning::nonsense);
        is(answer(status, "<html>not found</html>", "text/html"), meaning::nonsense);
        is(answer(status, not_found, "text/html"), meaning::nonsense);
        is(answer(status, not_found.substr(0, 10)), meaning::nonsense);
        is({status, {}, not_found}, meaning::nonsense);
        is({status, {{"Content-Type", json}, {"Content-Encoding", coded}}, not_found}, meaning::nonsense);
    }
}

TEST_CASE("classify: errors in the vendor's shape may say more, and in any order")
{
    for (const char* body :
         {R"({"errors":[],"requestId":"r"})", R"( {"requestId":"","errors":[{"a":[1]},"b"],"x":{"errors":1}} )"})
    {
        is(answer(404, body), meaning::not_found);
        is(answer(403, body), meaning::forbidden);
    }
}

TEST_CASE("classify: a list, or the vendor's own 404, is its word on a credential; a bare status is nobody's")
{
    const std::string list = R"({"requestId":"r","records":{},"calls":[]})";
    auto is_list_word = [](const upstream_answer& a) { return classify_bulk(a, bulk_kind::list).is_vendors_word; };
    CHECK(is_list_word(answer(200, list)));
    CHECK(is_list_word(answer(404, not_found)));
    CHECK_FALSE(is_list_word(answer(200, list, "text/html")));
    CHECK_FALSE(is_list_word(answer(200, R"({"calls":[]})")));
    CHECK_FALSE(is_list_word(answer(200, not_found)));
    CHECK_FALSE(is_list_word(answer(200, "")));
    CHECK_FALSE(is_list_word(answer(404, list)));
    CHECK_FALSE(is_list_word(answer(404, "")));
    for (unsigned status : {201u, 204u, 302u, 400u, 401u, 403u, 429u, 500u, 503u})
    {
        CHECK_FALSE(is_list_word(answer(status, list)));
        CHECK_FALSE(is_list_word(answer(status, not_found)));
    }
}

TEST_CASE("classify: a 401 that is a page, and a 403 in another shape, refuse no credential")
{
    auto bulk = [](const upstream_answer& a) { return classify_bulk(a, bulk_kind::extensive).how; };
    for (const upstream_answer& a : {answer(401, not_found), answer(401, ""), answer(403, not_found)})
    {
        CHECK(refuses_credential(a));
        CHECK(bulk(a) == bulk_end::refused);
    }
    for (const upstream_answer& a : {answer(401, "<html>", "text/html; charset=utf-8"), answer(403, "")})
    {
        CHECK_FALSE(refuses_credential(a));
        CHECK(is_somebody_elses(a));
        CHECK(bulk(a) == bulk_end::failed);
        is(a, meaning::nonsense);
    }
    CHECK_FALSE(refuses_credential(answer(404, not_found)));
}

TEST_CASE("classify: what each status means, whatever the body")
{
    struct
    {
        unsigned status;
        meaning expected;
    } cases[] = {{401, meaning::refused},   {429, meaning::failing},   {500, meaning::failing},
                 {502, meaning::failing},   {503, meaning::failing},   {504, meaning::failing},
                 {599, meaning::failing},   {400, meaning::handed_on}, {405, meaning::handed_on},
                 {410, meaning::handed_on}, {301, meaning::handed_on}, {302, meaning::handed_on},
                 {304, meaning::nonsense},  {201, meaning::nonsense},  {202, meaning::nonsense},
                 {204, meaning::nonsense},  {206, meaning::nonsense}};
    for (const auto& c : cases)
    {
        is(answer(c.status, not_found), c.expected);
        is(answer(c.status, call_5), c.expected);
        is({c.status, {}, ""}, c.expected);
    }
}

TEST_CASE("classify: a type or a coding that is said twice is what the worse of them says")
{
    auto with = [](unsigned status, const char* name, const char* first, const char* second) {
        upstream_answer a{status, {{name, first}, {name, second}}, status == 200 ? call_5 : not_found};
        if (std::string(name) != "Content-Type") a.fields.emplace_back("Content-Type", json);
        return a;
    };
    is(with(200, "Content-Type", "application/json", "application/json;x"), meaning::found);
    is(with(200, "Content-Type", "application/json", "text/html"), meaning::nonsense);
    is(with(404, "Content-Type", "application/json", "text/html"), meaning::nonsense);
    is(with(200, "Content-Encoding", "identity", ""), meaning::found);
    is(with(200, "Content-Encoding", "identity", "gzip"), meaning::nonsense);
    is(with(404, "Content-Encoding", "", "br"), meaning::nonsense);
}

TEST_CASE("classify: an answer of a kept route is kept, unless the vendor says that it may not be")
{
    auto with = [](fields_of_answer more, unsigned status = 200) {
        upstream_answer a = answer(status, "anything", "text/plain");
        a.fields.insert(a.fields.end(), more.begin(), more.end());
        return a;
    };
    auto of = [](const upstream_answer& a, bool overrides = false) { return classify_route(a, overrides).what; };
    CHECK(of(with({})) == meaning::found);
    CHECK(of(with({{"Cache-Control", "public, max-age=60"}})) == meaning::found);
    CHECK(of(with({{"Cache-Control", "max-age=60, x-no-store"}})) == meaning::found);
    CHECK(of(with({{"Vary", "Accept-Encoding, Origin"}})) == meaning::found);
    for (const fields_of_answer& f : {fields_of_answer{{"Cache-Control", "no-store"}},
                                      {{"cache-control", "max-age=5 , No-Store"}},
                                      {{"Cache-Control", "private"}},
                                      {{"Cache-Control", "private=\"x\""}},
                                      {{"Cache-Control", "no-cache"}},
                                      {{"Cache-Control", "max-age=5"}, {"Cache-Control", "no-store"}},
                                      {{"Set-Cookie", "a=b"}}})
    {
        CHECK(of(with(f)) == meaning::not_kept);
        CHECK(of(with(f), true) == meaning::found);
        upstream_answer missing = answer(404, not_found);
        missing.fields.insert(missing.fields.end(), f.begin(), f.end());
        CHECK(of(missing) == meaning::handed_on);
        CHECK(of(missing, true) == meaning::not_found);
    }
    for (bool overrides : {false, true})
    {
        CHECK(of(with({{"Vary", "Origin, *"}}), overrides) == meaning::unfit);
        CHECK(of(with({{"Content-Encoding", "gzip"}}), overrides) == meaning::unfit);
    }
    CHECK(of(with({}, 204)) == meaning::not_kept);
    CHECK(of(with({}, 304)) == meaning::nonsense);
    CHECK(of(with({}, 302)) == meaning::handed_on);
    CHECK(of(with({}, 400)) == meaning::handed_on);
    CHECK(of(answer(404, not_found)) == meaning::not_found);
    CHECK(of(with({}, 404)) == meaning::handed_on);
    CHECK(of(with({}, 401)) == meaning::refused);
    CHECK(of(answer(401, "<html>", "text/html")) == meaning::handed_on);
    CHECK(of(answer(403, not_found)) == meaning::forbidden);
    CHECK(of(with({}, 403)) == meaning::handed_on);
    for (const char* type : {"application/json;charset=UTF-8", "application/hal+json"})
    {
        CHECK(of(answer(200, "{\"users\":[]}", type)) == meaning::found);
        for (const std::string& cut :
             {std::string(), std::string("{\"users\":["), std::string("{}{}"), std::string("{\"a\":\"\xff\"}"),
              std::string("{}\0", 3), std::string("\xef\xbb\xbf{}")})
            CHECK(of(answer(200, cut, type), true) == meaning::handed_on);
    }
    upstream_answer untyped{200, {}, "{}"};
    CHECK(of(untyped) == meaning::found);
    untyped.body = "{";
    CHECK(of(untyped) == meaning::handed_on);
    for (bool overrides : {false, true})
        CHECK(of(answer(200, "<html>log in</html>", "text/HTML; charset=utf-8"), overrides) == meaning::handed_on);
    CHECK(of(with({}, 429)) == meaning::failing);
    CHECK(of(with({}, 500)) == meaning::failing);
}
