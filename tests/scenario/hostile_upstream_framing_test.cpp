// Answers whose end two readers could see in two places. None is kept, and nothing behind it is taken for the next one.

#include "tests/support/hostile_vendor.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;
using namespace std::string_literals;
using sim::then;

namespace
{

const std::string size = std::to_string(good_call.size());
const std::string evil = message("200 OK\r\nContent-Type: application/json", "{\"evil\":1}");

std::string length(const std::string& text)
{
    return ok("Content-Length: " + text + "\r\n", good_call);
}

std::string coded(const std::string& text, const std::string& body = chunked())
{
    return ok("Transfer-Encoding: " + text + "\r\n", body);
}

std::string chunks(const std::string& body)
{
    return coded("chunked", body);
}

// The good body in one chunk, whose head is made of its size's digits.
std::string chunk_head(const std::string& before, const std::string& after)
{
    std::string body = chunked();
    std::size_t digits = body.find("\r\n");
    return chunks(before + body.substr(0, digits) + after + body.substr(digits));
}

std::vector<hostile_answer> lengths()
{
    std::string huge = "18446744073709551616";
    return {
        served("a length", {length(size)}),
        served("a length with zeros in front", {length("000" + size)}),
        served("a length with white space around it", {ok("Content-Length: \t " + size + " \t\r\n", good_call)}),
        served("a length without a space before it", {ok("Content-Length:" + size + "\r\n", good_call)}),
        refused("a length twice, the same",
                {ok("Content-Length: " + size + "\r\nContent-Length: " + size + "\r\n", good_call)}),
        refused("a length twice, in two cases",
                {ok("Content-Length: " + size + "\r\ncontent-length: 3\r\n", good_call)}),
        refused("a list of the same length", {length(size + ", " + size)}),
        refused("a list of lengths", {length("3, " + size)}),
        refused("a length of nothing", {length("")}),
        refused("a negative length", {length("-1"), then::close}),
        refused("a length with a plus", {length("+" + size)}),
        refused("a length in hexadecimal", {length("0x3a")}),
        refused("a length with a unit", {length(size + " bytes")}),
        refused("a length with a semicolon", {length(size + ";")}),
        refused("a decimal length", {length(size + ".0")}),
        refused("a length in other digits", {length("\xd9\xa5\xd9\xa8")}),
        refused("a length within quotes", {length("\"" + size + "\"")}),
        refused("a length of 2^64", {length(huge)}),
        refused("a length of 2^64 and the body's", {length("18446744073709551674")}),
        refused("a length of 2^63", {length("9223372036854775808")}),
        refused("a length of 2^63 - 1", {length("9223372036854775807"), then::hang}),
        refused("a length of 500 digits", {length(std::string(500, '9'))}),
        refused("a length that is too short", {length("10")}),
        refused("a length of 0, and a body", {length("0")}),
        refused("a length that is too long", {length("1000"), then::close}),
        refused("a length that is too long, and nothing more", {length("1000"), then::hang}, 504),
        refused("a name of a length with a space before the colon",
                {ok("Content-Length : " + size + "\r\n", good_call)}),
        refused("a body of another length behind the length", {length(size + "\r\nX: y\r\nContent-Length: 3")}),
        served("a line that only looks like a length",
               {ok("Content_Length: 3\r\nContent-Length: " + size + "\r\n", good_call)}),
        served("no length in HTTP/1.1, and the end of the connection", {ok("", good_call), then::close}, line::ends),
        refused("no length, half a body, and the end", {ok("", good_call.substr(0, 20)), then::close}),
        refused("no length, and no end", {ok("", good_call), then::hang}, 504),
        refused("no length, and a second answer", {ok("", good_call + evil), then::close}),
        served("a length, and an answer that nobody asked for", {length(size) + evil}, line::ends),
        served("a length, and an empty line", {length(size) + "\r\n"}, line::ends),
        served("a length, and one byte", {length(size) + "x"}, line::ends),
        served("a length, and Connection: close",
               {ok("Connection: close\r\nContent-Length: " + size + "\r\n", good_call)}, line::ends),
        served("a length, and CLOSE among others",
               {ok("Connection: x , CLOSE\r\nConnection: keep-alive\r\nContent-Length: " + size + "\r\n", good_call)},
               line::ends),
        served(
            "a length in HTTP/1.0",
            {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + size + "\r\n\r\n" + good_call},
            line::ends),
        served("a length in HTTP/1.0 that is kept alive",
               {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nConnection: Keep-Alive\r\nContent-Length: " +
                size + "\r\n\r\n" + good_call}),
        served("no length in HTTP/1.0, and the end of the connection",
               {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + good_call, then::close}, line::ends),
    };
}

std::vector<hostile_answer> codings()
{
    const std::string both = "Content-Length: " + size + "\r\nTransfer-Encoding: chunked\r\n";
    return {
        served("chunked", {coded("chunked")}),
        served("chunked in capitals", {coded("CHUNKED")}),
        refused("both lengths, a chunked body", {ok(both, chunked())}),
        refused("both lengths, a plain body", {ok(both, good_call)}),
        refused("both lengths, the coding first",
                {ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + evil)}),
        refused("both lengths, both empty", {ok("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n")}),
        refused("gzip", {coded("gzip"), then::close}),
        refused("chunked, gzip", {coded("chunked, gzip"), then::close}),
        refused("gzip, chunked", {coded("gzip, chunked")}),
        refused("chunked, chunked", {coded("chunked, chunked")}),
        refused("chunked twice", {coded("chunked\r\nTransfer-Encoding: chunked")}),
        refused("chunked and identity", {coded("chunked\r\nTransfer-Encoding: identity")}),
        refused("chunked with an empty element", {coded("chunked,")}),
        refused("chunked with a parameter", {coded("chunked;x=1")}),
        refused("chunked within quotes", {coded("\"chunked\"")}),
        refused("xchunked", {coded("xchunked"), then::close}),
        refused("chunke", {coded("chunke"), then::close}),
        refused("chunked behind a vertical tab", {coded("\vchunked")}),
        refused("chunked behind a bare CR", {coded("\rchunked")}),
        refused("identity", {ok("Transfer-Encoding: identity\r\nContent-Length: " + size + "\r\n", good_call)}),
        refused("identity alone", {coded("identity", good_call), then::close}),
        refused("no coding", {coded(""), then::close}),
        refused("an unknown coding", {coded("rot13"), then::close}),
        refused("a coding on a folded line", {coded("\r\n chunked")}),
        refused("a coding with a space before the colon", {ok("Transfer-Encoding : chunked\r\n", chunked())}),
        refused("chunked in HTTP/1.0",
                {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(),
                 then::close}),
        refused("chunked, and the body is plain", {coded("chunked", good_call)}),
        nonsense("plain, and the body is chunked",
                 {ok("Content-Length: " + std::to_string(chunked().size()) + "\r\n", chunked())}),
        refused("a coding on a 204", {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}),
        refused("a coding on a 304", {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}),
        refused("a coding on a 103", {"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + evil}),
    };
}

std::vector<hostile_answer> chunk_rows()
{
    const std::string last = "0\r\n\r\n", half = "5\r\n{\"req\r\n";
    return {
        served("a size with zeros in front", {chunk_head("000", "")}),
        served("an extension", {chunk_head("", ";a=\"b;c\"; d")}),
        served("an extension behind white space", {chunk_head("", " \t;a")}),
        served("a trailer, which is not handed on",
               {chunks(chunked().substr(0, chunked().size() - 2) + "X-Evil: 1\r\n\r\n")}),
        served("a trailer that would change the type",
               {chunks(chunked().substr(0, chunked().size() - 2) +
                       "Content-Type: text/html\r\nContent-Length: 3\r\n\r\n")}),
        refused("no size", {chunks("\r\n" + good_call + "\r\n" + last)}),
        refused("a size of letters", {chunks("zz\r\n" + good_call + "\r\n" + last)}),
        refused("a negative size", {chunks("-1\r\n" + good_call + "\r\n" + last)}),
        refused("a size with a plus", {chunk_head("+", "")}),
        refused("a size with 0x", {chunk_head("0x", "")}),
        refused("a size behind a space", {chunk_head(" ", "")}),
        refused("a space behind the size", {chunk_head("", " ")}),
        refused("a size and a word", {chunk_head("", " a")}),
        refused("a size with an underscore", {chunk_head("0_", "")}),
        refused("a size of 17 digits", {chunk_head(std::string(15, '0'), "")}),
        refused("a size of 2^64", {chunks("10000000000000000\r\n" + good_call + "\r\n" + last)}),
        refused("a size of 2^63", {chunks("8000000000000000\r\n" + good_call + "\r\n" + last)}),
        refused("a size of 2^63 - 1", {chunks("7fffffffffffffff\r\n" + good_call), then::close}),
        refused("a size that ends with LF", {chunks("5\n{\"req\r\n" + last)}),
        refused("a size that ends with CR CR LF", {chunk_head("", "\r")}),
        refused("a NUL behind the size", {chunk_head("", "\0"s)}),
        refused("a chunk longer than its size", {chunks("5\r\n" + good_call + "\r\n" + last)}),
        refused("a chunk shorter than its size", {chunks("ff\r\n" + good_call + "\r\n" + last), then::close}),
        refused("a chunk without its line end", {chunks("5\r\n{\"req5\r\nuestI\r\n" + last)}),
        refused("a chunk that ends with LF", {chunks("5\r\n{\"req\n" + last)}),
        refused("no last chunk, and the end", {chunks(half), then::close}),
        refused("no last chunk, and nothing more", {chunks(half), then::hang}, 504),
        refused("no last chunk, and another answer", {chunks(half + evil)}),
        refused("no empty line at the end", {chunks(chunked().substr(0, chunked().size() - 2)), then::close}),
        refused("no empty line at the end, and another answer",
                {chunks(chunked().substr(0, chunked().size() - 2) + evil)}),
        refused("half an empty line at the end", {chunks(chunked().substr(0, chunked().size() - 1)), then::close}),
        refused("the last chunk first", {chunks(last + good_call)}),
        refused("a trailer without a colon", {chunks(half + "0\r\nevil\r\n\r\n")}),
        refused("a trailer with a space before the colon", {chunks(half + "0\r\nX : y\r\n\r\n")}),
        refused("a folded trailer", {chunks(half + "0\r\nX: y\r\n z\r\n\r\n")}),
        refused("a trailer that ends with LF", {chunks(half + "0\r\nX: y\n\r\n")}),
        refused("a NUL in a trailer", {chunks(half + "0\r\nX: \0\r\n\r\n"s)}),
        refused("an extension without an end", {chunks("5;a=" + std::string(200'000, 'a')), then::hang}),
        refused("an extension that trickles", {chunks("5;"), then::trickle, "aaaaaaaaaaaaaaaa"}),
        refused("trailers without an end",
                {chunks(half + "0\r\n"), then::trickle, "X: " + std::string(500, 'a') + "\r\n"}),
        refused("a trailer without an end", {chunks(half + "0\r\n" + std::string(200'000, 'a')), then::hang}),
        refused("chunks without an end", {chunks(""), then::trickle, "1000\r\n" + std::string(4096, ' ') + "\r\n"}),
        refused("chunks of one byte that make more than a megabyte", {chunks([] {
                    std::string many;
                    for (int i = 0; i < (1 << 20) + 1; ++i) many += "1\r\n \r\n";
                    return many;
                }())}),
        served("an answer that nobody asked for behind the last chunk", {chunks(chunked() + evil)}, line::ends),
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: a hostile upstream");

TEST_CASE("framing: lengths that are repeated, malformed or wrong")
{
    harness w;
    check_all(w, lengths());
}

TEST_CASE("framing: transfer codings that are unknown, repeated or beside a length")
{
    harness w;
    check_all(w, codings());
}

TEST_CASE("framing: chunks that are malformed, too long or without an end")
{
    harness w;
    check_all(w, chunk_rows());
}

TEST_SUITE_END();
