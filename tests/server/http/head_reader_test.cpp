#include "server/http/head_reader.hpp"

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
