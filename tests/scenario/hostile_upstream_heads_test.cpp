// Answers whose head is malformed, odd, or has no end.

#include "tests/support/hostile_vendor.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;
using namespace std::string_literals;
using sim::then;

namespace
{

const std::string size = std::to_string(good_call.size());
const std::string good_lines = "Content-Type: application/json\r\nContent-Length: " + size + "\r\n";

std::string first_line(const std::string& line)
{
    return line + "\r\n" + good_lines + "\r\n" + good_call;
}

// A good answer with a further line.
std::string with(const std::string& line)
{
    return "HTTP/1.1 200 OK\r\n" + line + "\r\n" + good_lines + "\r\n" + good_call;
}

std::string many(std::size_t count, const std::string& text)
{
    std::string all;
    while (count-- > 0) all += text;
    return all;
}

std::vector<hostile_answer> status_lines()
{
    std::vector<hostile_answer> rows{
        served("no reason", {first_line("HTTP/1.1 200 ")}),
        served("no reason, and no space", {first_line("HTTP/1.1 200")}),
        served("an odd reason", {first_line("HTTP/1.1 200 404 Not\tFound; \xe2\x9c\x93")}),
        served("a reason of 10,000 letters", {first_line("HTTP/1.1 200 " + std::string(10'000, 'O'))}),
        refused("HTTP/0.9, a body alone", {good_call, then::close}),
        refused("HTML alone", {"<html>maintenance</html>\r\n", then::close}),
        refused("another protocol", {"SSH-2.0-OpenSSH_9.2\r\n", then::hang}),
        refused("a mail server", {"220 mail.example ESMTP\r\n", then::hang}),
        refused("a TLS alert", {"\x15\x03\x01\x00\x02\x02\x46\x0a"s, then::hang}),
        refused("the preface of HTTP/2", {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", then::hang}),
        refused("settings of HTTP/2", {"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0"s, then::hang}),
        refused("a request in place of an answer", {"GET / HTTP/1.1\r\nHost: evil\r\n\r\n", then::hang}),
        refused("a NUL first", {"\0"s + first_line("HTTP/1.1 200 OK")}),
        refused("a byte order mark first", {"\xef\xbb\xbf" + first_line("HTTP/1.1 200 OK")}),
        refused("an empty line first", {"\r\n" + first_line("HTTP/1.1 200 OK")}),
        refused("many empty lines first", {many(1000, "\r\n") + first_line("HTTP/1.1 200 OK")}),
        refused("bare LF first", {"\n" + first_line("HTTP/1.1 200 OK")}),
        refused("a status line of 100,000 letters", {"HTTP/1.1 200 " + std::string(100'000, 'O'), then::hang}),
    };
    for (const char* line : {"HTTP/1.2 200 OK", "HTTP/1.9 200", "HTTP/1.2 200 "})
        rows.push_back(served("the line \""s + line + "\"", {first_line(line)}));
    for (const char* line : {"HTTP/0.9 200 OK",
                             "HTTP/1.10 200 OK",
                             "HTTP/01.1 200 OK",
                             "HTTP/1. 200 OK",
                             "HTTP/2.0 200 OK",
                             "HTTP/2 200 OK",
                             "HTTP/3 200",
                             "http/1.1 200 OK",
                             "Http/1.1 200 OK",
                             "HTTPS/1.1 200 OK",
                             "ICY 200 OK",
                             "HTTP 200 OK",
                             "HTTP/1.1 99",
                             "HTTP/1.1 099 OK",
                             "HTTP/1.1 000 OK",
                             "HTTP/1.1 600 OK",
                             "HTTP/1.1 999 OK",
                             "HTTP/1.1 1000 OK",
                             "HTTP/1.1 2000",
                             "HTTP/1.1 20 OK",
                             "HTTP/1.1 2 OK",
                             "HTTP/1.1 abc",
                             "HTTP/1.1 2x0 OK",
                             "HTTP/1.1 -200 OK",
                             "HTTP/1.1 +20 OK",
                             "HTTP/1.1 0x0 OK",
                             "HTTP/1.1 200OK",
                             "HTTP/1.1200 OK",
                             "HTTP/1.1  200 OK",
                             "HTTP/1.1\t200 OK",
                             " HTTP/1.1 200 OK",
                             "HTTP/1.1",
                             "HTTP/1.1 ",
                             "HTTP/1.1 OK 200",
                             "200 OK",
                             "HTTP/1.1 200\tOK",
                             "HTTP/1.1 200 O\x01K",
                             "HTTP/1.1 200 O\rK",
                             "HTTP/1.1 200 OK\r",
                             "HTTP/1.1 200 O\x7fK"})
        rows.push_back(refused("the line \""s + line + "\"", {first_line(line)}));
    return rows;
}

std::vector<hostile_answer> field_lines()
{
    return {
        served("a value of 8-bit characters", {with("X: \xff\xfe\x80")}),
        served("an empty value", {with("X:")}),
        served("the same field a hundred times", {with(many(100, "X: y\r\n") + "Z: z")}),
        served("a name of all the symbols", {with("!#$%&'*+-.^_`|~: y")}),
        served("a field of 60,000 letters", {with("X: " + std::string(60'000, 'y'))}),
        served("four hundred fields", {with(many(400, "X: y\r\n") + "Z: z")}),
        refused("a field of 70,000 letters", {with("X: " + std::string(70'000, 'y'))}),
        refused("a name of 70,000 letters", {with(std::string(70'000, 'X') + ": y")}),
        refused("a head of 70,000 bytes", {with(many(700, "X: " + std::string(95, 'y') + "\r\n") + "Z: z")}),
        refused("six hundred fields", {with(many(600, "X: y\r\n") + "Z: z")}),
        refused("ten thousand fields", {with(many(10'000, "X:\r\n") + "Z: z")}),
        refused("a head without an end",
                {"HTTP/1.1 200 OK\r\n", then::trickle, "X: " + std::string(500, 'y') + "\r\n"}),
        refused("a field without an end", {"HTTP/1.1 200 OK\r\nX: ", then::trickle, std::string(500, 'y')}),
        refused("a head without an end, slowly", {"HTTP/1.1 200 OK\r\n", then::trickle, "X: y\r\n"}, 504),
        refused("a folded line", {with("X: y\r\n z")}),
        refused("a folded line with a tab", {with("X: y\r\n\tContent-Length: 3")}),
        refused("a folded line first", {with(" X: y")}),
        refused("a bare CR within a value", {with("X: y\rContent-Length: 3")}),
        refused("a bare LF within a value", {with("X: y\nContent-Length: 3")}),
        refused("a bare LF at the end of the head", {"HTTP/1.1 200 OK\r\n" + good_lines + "\n" + good_call}),
        refused("bare LF everywhere", {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}),
        refused("bare CR everywhere", {"HTTP/1.1 200 OK\rContent-Length: 2\r\r{}", then::hang}, 504),
        refused("CR CR LF", {with("X: y\r")}),
        refused("a NUL in a value", {with("X: y\0z"s)}),
        refused("a NUL in a name", {with("X\0: y"s)}),
        refused("an escape in a value", {with("X: \x1b[31m")}),
        refused("a DEL in a value", {with("X: \x7f")}),
        refused("a space before the colon", {with("X : y")}),
        refused("a tab before the colon", {with("X\t: y")}),
        refused("an empty name", {with(": y")}),
        refused("no colon", {with("evil")}),
        refused("no colon at the end", {"HTTP/1.1 200 OK\r\n" + good_lines + "evil\r\n\r\n" + good_call}),
        refused("a space within a name", {with("X Y: z")}),
        refused("a name in quotes", {with("\"X\": y")}),
        refused("a name with a slash", {with("X/Y: z")}),
        refused("an 8-bit name", {with("\xc3\x84: y")}),
        refused("a second status line", {with("HTTP/1.1 404 Not Found")}),
    };
}

std::vector<hostile_answer> interim_answers()
{
    auto interim = [](const std::string& line) { return "HTTP/1.1 " + line + "\r\n\r\n"; };
    const std::string good = first_line("HTTP/1.1 200 OK");
    return {
        served("100 first", {interim("100 Continue") + good}),
        served("102 first", {interim("102 Processing") + good}),
        served("103s first", {many(8, "HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\n\r\n") + good}),
        served("an unknown interim status first", {interim("199 Evil") + good}),
        served("100 in HTTP/1.0 first", {"HTTP/1.0 100 Continue\r\n\r\n" + good}),
        served("103 that says close, and then not", {"HTTP/1.1 103 X\r\nConnection: close\r\n\r\n" + good}),
        served("103 of another type", {"HTTP/1.1 103 X\r\nContent-Type: text/html\r\nETag: \"evil\"\r\n\r\n" + good}),
        served("103 with a length, and no body", {"HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n" + good}),
        refused("103 with a length and a body", {"HTTP/1.1 103 X\r\nContent-Length: 4\r\n\r\nevil" + good}),
        refused("nine 103s", {many(9, interim("103 Early Hints")) + good}),
        refused("fifty 103s", {many(50, interim("103 Early Hints"))}),
        refused("100 for ever", {"", then::trickle, interim("100 Continue")}),
        refused("100 and nothing more", {interim("100 Continue"), then::hang}, 504),
        refused("100 and the end", {interim("100 Continue"), then::close}),
        refused("a malformed answer behind 100", {interim("100 Continue") + "evil\r\n\r\n"}),
        refused("101", {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", then::hang}),
        refused("101, and a good answer", {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + good}),
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: a hostile upstream");

TEST_CASE("heads: status lines that are none of HTTP/1.1")
{
    harness w;
    check_all(w, status_lines());
}

TEST_CASE("heads: lines that are no fields, and heads without an end")
{
    harness w;
    check_all(w, field_lines());
}

TEST_CASE("heads: interim answers are read over, a few of them")
{
    harness w;
    check_all(w, interim_answers());
}

TEST_SUITE_END();
