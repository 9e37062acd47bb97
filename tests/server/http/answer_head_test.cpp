#include "server/http/head_reader.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

answer_head_or_refusal read(const std::string& line, const std::string& lines = "")
{
    return read_answer_head(line + "\r\n" + lines + "\r\n");
}

}  // namespace

TEST_CASE("answer head: status, reason and the fields that are not of one connection alone")
{
    auto r =
        read("HTTP/1.1 404 Not Found", "A: 1\r\nConnection: b\r\nB: 2\r\nContent-Length: 7\r\nC:\r\nKeep-Alive: x\r\n");
    CHECK_FALSE(r.refused);
    CHECK(r.head.status == 404);
    CHECK(r.head.reason == "Not Found");
    CHECK(r.head.fields == std::vector<field>{{"A", "1"}, {"C", ""}});
    CHECK(r.head.body.what == framing::kind::length);
    CHECK(r.head.body.length == 7);
    for (const char* bare : {"HTTP/1.1 200", "HTTP/1.1 200 "})
    {
        CHECK_FALSE(read(bare).refused);
        CHECK(read(bare).head.status == 200);
        CHECK(read(bare).head.reason == "");
        CHECK(read(bare, "A: 1\r\n").head.fields == std::vector<field>{{"A", "1"}});
    }
}

TEST_CASE("answer head: a connection goes on by its version and by what it says")
{
    CHECK(read("HTTP/1.1 200 OK").persistent);
    CHECK_FALSE(read("HTTP/1.0 200 OK").persistent);
    CHECK(read("HTTP/1.0 200 OK", "Connection: Keep-Alive\r\n").persistent);
    CHECK_FALSE(read("HTTP/1.1 200 OK", "Connection: x, CLOSE\r\n").persistent);
    CHECK_FALSE(read("HTTP/1.1 200 OK", "Connection: keep-alive\r\nConnection: close\r\n").persistent);
}

TEST_CASE("answer head: a 204 that has a length may have a body too, so the connection ends")
{
    CHECK(read("HTTP/1.1 204 No Content").persistent);
    CHECK_FALSE(read("HTTP/1.1 204 No Content", "Content-Length: 4\r\n").persistent);
}

TEST_CASE("answer head: interim, final and neither")
{
    auto status = [](const std::string& code) { return read("HTTP/1.1 " + code).head; };
    for (const char* code : {"100", "102", "103", "199"})
        CHECK((status(code).is_interim() && !status(code).is_final()));
    for (const char* code : {"200", "304", "599"}) CHECK((status(code).is_final() && !status(code).is_interim()));
    for (const char* code : {"000", "099", "101", "600", "999"})
        CHECK((!status(code).is_final() && !status(code).is_interim()));
}

TEST_CASE("answer head: too many fields and a framing in doubt are refused")
{
    std::string many;
    for (std::size_t i = 0; i < answer_fields_max; ++i) many += "a:\r\n";
    CHECK_FALSE(read("HTTP/1.1 200 OK", many).refused);
    CHECK(read("HTTP/1.1 200 OK", many + "a:\r\n").refused);
    CHECK(read("HTTP/1.1 200 OK", "Content-Length: 1\r\nContent-Length: 1\r\n").refused);
    CHECK(read("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n").refused);
}
