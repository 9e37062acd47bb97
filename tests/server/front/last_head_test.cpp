#include "server/front/last_head.hpp"

#include "server/http/head_reader.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <random>

using namespace callcache;

namespace
{

std::string head(const std::string& line, const std::string& further = "")
{
    return line + "\r\nHost: localhost:4664\r\nAuthorization: Basic eDp5\r\nUser-Agent: tests\r\n" + further + "\r\n";
}

// As a session reads a head that it has never seen.
struct read_anew
{
    explicit read_anew(std::string_view bytes)
    {
        head_scanner scanner(head_kind::request, 64 << 10);
        if (scanner.scan(bytes) != head_scanner::progress::complete) return;
        size = scanner.size();
        read = read_request_head(bytes.substr(0, size), fields);
        if (read.refused) size = 0;
    }
    std::vector<field_view> fields;
    request_or_refusal read;
    std::size_t size = 0;  // 0: it is not whole, or refused
};

void remember(last_head& memory, const std::string& bytes)
{
    read_anew first(bytes);
    REQUIRE(first.size == bytes.size());
    memory.remember(bytes, first.read.good);
}

bool remembers(last_head& memory, const std::string& bytes)
{
    return memory.read(bytes).good != nullptr;
}

void check_same(const request& a, const request& b)
{
    CHECK(a.method == b.method);
    CHECK(a.target == b.target);
    CHECK(a.host == b.host);
    CHECK(a.absolute == b.absolute);
    CHECK(a.minor == b.minor);
    CHECK(a.keep_alive == b.keep_alive);
    CHECK(a.body.what == b.body.what);
    CHECK(a.authorization == b.authorization);
    CHECK(a.has_if_none_match == b.has_if_none_match);
    CHECK(a.user_agent == b.user_agent);
    CHECK(a.asked.background == b.asked.background);
    CHECK(a.expects == b.expects);
    CHECK(a.fields.size() == b.fields.size());
}

}  // namespace

TEST_CASE("last head: another target with the same fields is found, and what comes behind it is left alone")
{
    last_head memory;
    CHECK_FALSE(remembers(memory, head("GET /v2/calls/1 HTTP/1.1")));
    remember(memory, head("GET /v2/calls/1 HTTP/1.1"));
    const std::string next = head("GET /v2/calls/22 HTTP/1.1");
    const std::string bytes = next + head("GET /v2/calls/333 HTTP/1.1");
    whole_head found = memory.read(bytes);
    REQUIRE(found.good);
    CHECK(found.size == next.size());
    check_same(*found.good, read_anew(next).read.good);
}

TEST_CASE("last head: anything else that differs is not it")
{
    last_head memory;
    remember(memory, head("GET /v2/calls/1 HTTP/1.1"));
    for (const std::string& other :
         {head("GET /v2/calls/1 HTTP/1.0"), head("HEAD /v2/calls/1 HTTP/1.1"), head("GET  /v2/calls/1 HTTP/1.1"),
          head("GET v2/calls/1 HTTP/1.1"), head("GET http://a/v2/calls/1 HTTP/1.1"), head("GET /v2/calls/1#x HTTP/1.1"),
          head("GET /v2/calls/1\t HTTP/1.1"), head("GET /v2/calls/\xc3\xa4 HTTP/1.1"),
          head("GET /v2/calls/1 HTTP/1.1", "Prefer: wait=1\r\n"), head("GET /v2/calls/1 x HTTP/1.1"),
          head("GET /" + std::string(9000, 'x') + " HTTP/1.1"), head("GET  HTTP/1.1")})
        CHECK_FALSE(remembers(memory, other));
    std::string whole = head("GET /v2/calls/1 HTTP/1.1");
    for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(remembers(memory, whole.substr(0, n)));
    CHECK(remembers(memory, whole));
}

TEST_CASE("last head: what it finds is what the parser finds, whatever was done to the bytes")
{
    std::mt19937 random(7);
    const std::string alphabet = "GET /v2:\r\n \t.%?@HhP1a\"#\x80";
    std::size_t found = 0;
    for (int round = 0; round < 20'000; ++round)
    {
        last_head memory;
        remember(memory, head("GET /v2/calls/1 HTTP/1.1", round % 2 ? "Connection: close\r\n" : ""));
        std::string bytes = head("GET /v2/calls/4711?a=b HTTP/1.1", round % 2 ? "Connection: close\r\n" : "");
        for (int change = 0; change < round % 3; ++change)
        {
            std::size_t at = random() % 40;
            char c = alphabet[random() % alphabet.size()];
            if (random() % 2)
                bytes[at] = c;
            else
                bytes.insert(at, 1, c);
        }
        whole_head here = memory.read(bytes);
        if (!here.good) continue;
        ++found;
        read_anew truth(bytes);
        REQUIRE(truth.size == here.size);
        check_same(*here.good, truth.read.good);
    }
    CHECK(found > 5000);
}

TEST_CASE(
    "last head: a long one, one with a body and one in absolute form are not kept, nor those of who never repeats")
{
    for (const std::string& other :
         {head("POST /v2/calls/1 HTTP/1.1"), head("GET /v2/calls/1 HTTP/1.1", "Content-Length: 2\r\n"),
          head("GET http://localhost:4664/v2/calls/1 HTTP/1.1"),
          head("GET /v2/calls/1 HTTP/1.1", "X-Long: " + std::string(2000, 'x') + "\r\n")})
    {
        last_head memory;
        remember(memory, other);
        CHECK_FALSE(remembers(memory, other));
    }
    last_head memory;
    auto each_its_own = [](int n) { return head("GET /v2/calls/1 HTTP/1.1", "X-N: " + std::to_string(n) + "\r\n"); };
    std::vector<field_view> fields;
    for (int n = 0; n < 100; ++n)
    {
        remember(memory, each_its_own(n));
        CHECK_FALSE(memory.read_again(each_its_own(n), fields).refused);  // it has taken its time, and comes but once
    }
    CHECK_FALSE(remembers(memory, each_its_own(99)));
}
