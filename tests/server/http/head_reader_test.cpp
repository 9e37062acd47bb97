#include "server/http/head_reader.hpp"

#include "server/http/via.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("head reader: what is read of a request points into the head, and the room of its fields is used again")
{
    const std::string head = "GET /v2/calls/1 HTTP/1.0\r\nHost: a\r\nUser-Agent:  b \r\nX:\r\n\r\n";
    std::vector<field_view> fields;
    auto first = read_request_head(head, fields);
    REQUIRE_FALSE(first.refused);
    const request& r = first.good;
    CHECK(r.method.data() == head.data());
    CHECK(r.target == "/v2/calls/1");
    CHECK(r.minor == 0);
    CHECK(r.user_agent.data() == head.data() + head.find("b "));
    REQUIRE(r.fields.size() == 3);
    CHECK(r.fields.data() == fields.data());
    CHECK(r.fields[2].name == "X");
    CHECK(r.fields[2].value == "");

    const field_view* room = fields.data();
    auto second = read_request_head("GET / HTTP/1.1\r\nHost: b\r\n\r\n", fields);
    CHECK(second.good.fields.size() == 1);
    CHECK(second.good.minor == 1);
    CHECK(fields.data() == room);
}

TEST_CASE("head reader: a later version of HTTP/1 is read as 1.1, and what is read points into the head all the same")
{
    const std::string head = "GET /v2/calls/1 HTTP/1.7\r\nHost: a\r\n\r\n";
    std::vector<field_view> fields;
    auto r = read_request_head(head, fields);
    REQUIRE_FALSE(r.refused);
    CHECK(r.good.minor == 1);
    CHECK(r.good.method.data() == head.data());
    CHECK(r.good.target.data() == head.data() + 4);
    CHECK(r.good.host.data() == head.data() + head.find("a\r"));
    for (const char* line : {"HTTP/1.2 204 No  content", "HTTP/1.2 204", "HTTP/1.1 204", "HTTP/1.2 204 "})
    {
        CAPTURE(line);
        auto answer = read_answer_head(std::string(line) + "\r\nX: y\r\n\r\n");
        REQUIRE_FALSE(answer.refused);
        CHECK(answer.head.status == 204);
        CHECK(answer.head.reason == (std::string(line).size() > 14 ? "No  content" : ""));
        CHECK(answer.head.fields.size() == 1);
        CHECK(answer.persistent);
    }
}

TEST_CASE("head reader: a request that has come through this process before is refused")
{
    std::vector<field_view> fields;
    auto status = [&](const std::string& via) {
        auto r = read_request_head("GET / HTTP/1.1\r\nHost: a\r\n" + via + "\r\n", fields);
        return r.refused ? r.refused->status : 200;
    };
    const std::string name = own_via().substr(4);
    CHECK(status("") == 200);
    CHECK(status("Via: 1.1 callcache, 1.1 callcache-0000000\r\n") == 200);
    CHECK(status("Via: 1.1 x (" + name + ")\r\n") == 200);
    CHECK(status("Via: " + own_via() + "\r\n") == 508);
    CHECK(status("Via: 1.0 a,,HTTP/1.1  " + name + " (a, b)\r\n") == 508);
    CHECK(status("Via: 1.1 a\r\nVIA: 2 b, 1.1 C" + name.substr(1) + "\r\n") == 508);
}

TEST_CASE("head reader: a request that Beast's parser refuses says why, and is 400")
{
    std::vector<field_view> fields;
    auto r = read_request_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", fields);
    REQUIRE(r.refused);
    CHECK(r.refused->status == 400);
    CHECK(r.refused->text == "the head is malformed: bad value");
}

TEST_CASE("head reader: an answer that Beast's parser refuses says why, and one it takes is not yet a good one")
{
    auto of_parser = read_answer_head("HTTP/1.1 200 OK\r\nConnection: a b\r\n\r\n");
    REQUIRE(of_parser.refused);
    CHECK(of_parser.refused->text == "bad value");
    auto of_guard = read_answer_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
    REQUIRE(of_guard.refused);
    CHECK(of_guard.refused->text == "Transfer-Encoding is not `chunked`");
}
