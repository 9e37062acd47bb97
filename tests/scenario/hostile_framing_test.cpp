// Requests whose end is in doubt, and what hides behind them. A row a request: its name, its bytes, and what must come
// of it. Where two readers could see two ends the connection is closed and nothing behind is read; where the end is
// plain the next request stands there, whatever it looks like.

#include "tests/support/hostile.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace callcache::test;
using namespace std::string_literals;

namespace
{

const std::string behind = lookup_of(hidden);
const std::string next = lookup_of(other);
const std::string chunked = "Transfer-Encoding: chunked";
const std::string last_chunk = "0\r\n\r\n";

std::string kept_alive_1_0(const std::string& further, const std::string& body)
{
    return request("GET /v2/calls/" + first + " HTTP/1.0", "Connection: keep-alive\r\n" + further, body);
}

std::vector<hostile> lengths()
{
    std::vector<hostile> rows{
        refused("twice, equal", lookup("Content-Length: 5\r\nContent-Length: 5", "hello" + behind)),
        refused("twice, different", lookup("Content-Length: 5\r\nContent-Length: 0", "hello" + behind)),
        refused("twice, in odd case", lookup("Content-Length: 5\r\nCONTENT-LENGTH: 5", "hello" + behind)),
        refused("twice, others between", lookup("Content-Length: 5\r\nX: y\r\nContent-Length: 5", "hello" + behind)),
        refused("twice, both zero", lookup("Content-Length: 0\r\nContent-Length: 0", behind)),
        refused("twice, the second empty", lookup("Content-Length: 5\r\nContent-Length:", "hello" + behind)),
        refused("twice, in a POST", post("Content-Length: 5\r\nContent-Length: 5", "hello" + behind)),
        refused("twice, in HTTP/1.0", kept_alive_1_0("Content-Length: 5\r\nContent-Length: 6", "hello" + behind)),
        refused("folded", lookup("Content-Length:\r\n 5", "hello" + behind)),
        refused("folded behind a number", lookup("Content-Length: 0\r\n 5", "hello" + behind)),
        refused("a space before the colon", lookup("Content-Length : 5", "hello" + behind)),
        refused("a tab before the colon", lookup("Content-Length\t: 5", "hello" + behind)),
        {"leading zeros",
         lookup("Content-Length: 0005", "hello" + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"thirty leading zeros",
         lookup("Content-Length: " + std::string(30, '0') + "5", "hello" + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"zero", lookup("Content-Length: 0", next), {200, 200}, connection::goes_on, {first, other}},
        {"a body of NULs",
         lookup("Content-Length: 5", "\0\0\0\0\0"s + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"white space around it",
         lookup("Content-Length: \t5\t ", "hello" + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"a POST",
         post("Content-Length: 5", "hello" + next),
         {0, 200},
         connection::goes_on,
         {"POST /v2/calls/extensive\nContent-Length: 5", other}},
        {"a POST without a length has no body",
         post("", next),
         {0, 200},
         connection::goes_on,
         {"POST /v2/calls/extensive\nContent-Length: 0", other}},
        {"another name",
         lookup("Content_Length: 5\r\nX-Content-Length: 5", next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        served("a body that does not come", lookup("Content-Length: 1000000"), connection::closed),
        {"the largest number", lookup("Content-Length: 9223372036854775807", behind), {413}},
        served("a body of 2 MB that does not come", lookup("Content-Length: 2000000"), connection::closed),
        {"a POST of the largest number", post("Content-Length: 9223372036854775807", behind), {413}},
        {"a body of 64 KiB",
         lookup("Content-Length: 65536", std::string(65536, 'x') + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
    };
    for (const char* value : {"",
                              " ",
                              "5, 5",
                              "5,5",
                              "5, 6",
                              "5,",
                              ",5",
                              "-1",
                              "-0",
                              "+5",
                              "0x5",
                              "0X5",
                              "5h",
                              "5 5",
                              "5;5",
                              "5;x=1",
                              "5.0",
                              "5e0",
                              "05x",
                              "five",
                              "\"5\"",
                              "(5)",
                              "5\xa0",
                              "\xd9\xa5",
                              "9223372036854775808",
                              "18446744073709551615",
                              "18446744073709551616",
                              "18446744073709551621",
                              "99999999999999999999999999999999999999"})
    {
        rows.push_back(refused("GET, "s + value, lookup("Content-Length: "s + value, "hello" + behind)));
        rows.push_back(refused("POST, "s + value, post("Content-Length: "s + value, "hello" + behind)));
    }
    return rows;
}

std::vector<hostile> codings()
{
    std::vector<hostile> rows{
        refused("twice", lookup(chunked + "\r\n" + chunked, last_chunk + behind)),
        refused("twice, the second unknown", lookup(chunked + "\r\nTransfer-Encoding: x", last_chunk + behind)),
        refused("twice, the second empty", lookup(chunked + "\r\nTransfer-Encoding:", last_chunk + behind)),
        refused("twice, in odd case", lookup(chunked + "\r\ntransfer-encoding: chunked", last_chunk + behind)),
        refused("a space before the colon", lookup("Transfer-Encoding : chunked", last_chunk + behind)),
        refused("a tab before the colon", lookup("Transfer-Encoding\t: chunked", last_chunk + behind)),
        refused("folded", lookup("Transfer-Encoding:\r\n chunked", last_chunk + behind)),
        refused("folded behind it", lookup(chunked + "\r\n , gzip", last_chunk + behind)),
        refused("in HTTP/1.0", kept_alive_1_0(chunked, last_chunk + behind)),
        refused("in HTTP/1.0, with Content-Length",
                kept_alive_1_0(chunked + "\r\nContent-Length: 5", last_chunk + behind)),
        refused("with Content-Length", lookup("Content-Length: 5\r\n" + chunked, last_chunk + behind)),
        refused("with Content-Length: 0", lookup(chunked + "\r\nContent-Length: 0", last_chunk + behind)),
        refused("with Content-Length, in a POST", post(chunked + "\r\nContent-Length: 5", last_chunk + behind)),
        refused("identity with Content-Length", lookup("Transfer-Encoding: identity\r\nContent-Length: 5", behind)),
        {"chunked", lookup(chunked, last_chunk + next), {200, 200}, connection::goes_on, {first, other}},
        {"in odd case",
         lookup("tRANSFER-eNCODING: cHUNKED", last_chunk + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"white space around it",
         lookup("Transfer-Encoding: \tchunked\t ", last_chunk + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"a POST",
         post(chunked, last_chunk + next),
         {0, 200},
         connection::goes_on,
         {"POST /v2/calls/extensive\nContent-Length: 0", other}},
        {"another name",
         lookup("Transfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked", next),
         {200, 200},
         connection::goes_on,
         {first, other}},
    };
    for (const std::string& value : {"gzip"s,
                                     "gzip, chunked"s,
                                     "chunked, gzip"s,
                                     "chunked, chunked"s,
                                     "chunked,"s,
                                     ",chunked"s,
                                     "chunked;x=1"s,
                                     "chunked ;"s,
                                     "chunked; "s,
                                     "identity"s,
                                     "identity, chunked"s,
                                     "chunked, identity"s,
                                     "x"s,
                                     "xchunked"s,
                                     "chunkedx"s,
                                     "chunke"s,
                                     "chunked chunked"s,
                                     "\"chunked\""s,
                                     "'chunked'"s,
                                     "\vchunked"s,
                                     "chunked\v"s,
                                     "\fchunked"s,
                                     "chunked\0"s,
                                     "\0chunked"s,
                                     "chun\0ked"s,
                                     "chunked\x7f"s,
                                     "chunked\xa0"s,
                                     "\xc3\xa9"s,
                                     "chunked\r"s,
                                     "chunked\n"s,
                                     ""s,
                                     " "s,
                                     ","s,
                                     "chun%6bed"s})
    {
        rows.push_back(refused("GET, " + value, lookup("Transfer-Encoding: " + value, last_chunk + behind)));
        rows.push_back(refused("POST, " + value, post("Transfer-Encoding: " + value, last_chunk + behind)));
    }
    return rows;
}

// A lookup has no use for a body. A chunked one is not read at all: it is answered, and the connection ends.
std::vector<hostile> chunks()
{
    struct
    {
        const char* name;
        std::string body;
    } bodies[] = {
        {"a good one", "5\r\nhello\r\n0\r\n\r\n"},
        {"none", ""},
        {"no size", "\r\nhello\r\n0\r\n\r\n"},
        {"a negative size", "-5\r\nhello\r\n0\r\n\r\n"},
        {"a size with a plus sign", "+5\r\nhello\r\n0\r\n\r\n"},
        {"0x in front of the size", "0x5\r\nhello\r\n0\r\n\r\n"},
        {"a size that is no number", "g\r\nhello\r\n0\r\n\r\n"},
        {"a size of 16 digits", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"},
        {"a size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
        {"a size of 1,000 zeros", std::string(1000, '0') + "5\r\nhello\r\n0\r\n\r\n"},
        {"a space in front of the size", " 5\r\nhello\r\n0\r\n\r\n"},
        {"a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"},
        {"a size that is too small", "4\r\nhello\r\n0\r\n\r\n"},
        {"a size that is too large", "6\r\nhello\r\n0\r\n\r\n"},
        {"no CR LF behind the bytes", "5\r\nhello0\r\n\r\n"},
        {"a bare LF behind the size", "5\nhello\r\n0\r\n\r\n"},
        {"a bare LF behind the bytes", "5\r\nhello\n0\r\n\r\n"},
        {"a bare CR behind the size", "5\rhello\r\n0\r\n\r\n"},
        {"bare LFs everywhere", "5\nhello\n0\n\n"},
        {"NUL in the size", "5\0\r\nhello\r\n0\r\n\r\n"s},
        {"an extension", "5;a=b\r\nhello\r\n0\r\n\r\n"},
        {"an extension of 100,000 bytes", "5;" + std::string(100'000, 'x') + "\r\nhello\r\n0\r\n\r\n"},
        {"an extension with a bare LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
        {"an extension with an open quote", "5;a=\"\r\nhello\r\n0\r\n\r\n"},
        {"a trailer", "0\r\nX: y\r\n\r\n"},
        {"a trailer with framing fields", "0\r\nContent-Length: 100\r\nTransfer-Encoding: x\r\n\r\n"},
        {"a trailer with Host and Authorization", "0\r\nHost: evil.example\r\nAuthorization: Basic x\r\n\r\n"},
        {"a malformed trailer", "0\r\nX : y\r\n z\r\n\r\n"},
        {"a trailer of 200,000 bytes", "0\r\n" + std::string(200'000, 'x')},
        {"a request in the place of the trailer", "0\r\n"},
        {"no last chunk", "5\r\nhello\r\n"},
        {"no CR LF behind the last chunk", "5\r\nhello\r\n0\r\n"},
        {"10,000 chunks of a byte",
         [] {
             std::string many;
             for (int i = 0; i < 10'000; ++i) many += "1\r\nx\r\n";
             return many + last_chunk;
         }()},
    };
    std::vector<hostile> rows;
    const std::set<std::string> good{"a good one",
                                     "an extension",
                                     "an extension with an open quote",
                                     "a trailer",
                                     "a trailer with framing fields",
                                     "a trailer with Host and Authorization",
                                     "10,000 chunks of a byte"};
    for (const auto& b : bodies)
    {
        if (good.contains(b.name))
            rows.push_back({b.name, lookup(chunked, b.body + next), {200, 200}, connection::goes_on, {first, other}});
        else
            rows.push_back(refused(b.name, lookup(chunked, b.body + behind)));
        if (!good.contains(b.name)) rows.push_back(refused("a POST: "s + b.name, post(chunked, b.body + behind)));
    }
    rows.push_back({"HEAD",
                    request("HEAD /v2/calls/" + first + " HTTP/1.1", chunked, last_chunk + next),
                    {200, 200},
                    connection::goes_on,
                    {first, other},
                    1});
    return rows;
}

std::vector<hostile> expectations_and_connections()
{
    return {
        served("100-continue, and the body does not come", lookup("Expect: 100-continue\r\nContent-Length: 5"),
               connection::closed),
        served("100-continue, chunked", lookup("Expect: 100-continue\r\n" + chunked), connection::closed),
        {"100-continue without a body",
         lookup("Expect: 100-continue", next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        served("100-continue in odd case", lookup("eXPECT: 100-CONTINUE")),
        served("100-continue twice", lookup("Expect: 100-continue\r\nExpect: 100-continue")),
        refused("an unknown expectation", lookup("Expect: the-unexpected"), 417),
        refused("an unknown expectation beside 100-continue", lookup("Expect: 100-continue, x=\"y"), 417),
        refused("an empty expectation", lookup("Expect:"), 417),
        refused("an unknown expectation, and the body does not come", lookup("Expect: x\r\nContent-Length: 5"), 417),
        served("an expectation in HTTP/1.0", request("GET /v2/calls/" + first + " HTTP/1.0", "Expect: 100-continue"),
               connection::closed),
        served("close", lookup("Connection: close", behind), connection::closed),
        served("close in odd case", lookup("cONNECTION: cLOSE", behind), connection::closed),
        served("close and keep-alive", lookup("Connection: close, keep-alive", behind), connection::closed),
        served("keep-alive and close in two fields", lookup("Connection: keep-alive\r\nConnection: close", behind),
               connection::closed),
        served("close among commas", lookup("Connection: ,, close,,", behind), connection::closed),
        served("a word that begins with close", lookup("Connection: closed")),
        served("an empty Connection", lookup("Connection:")),
        served("Proxy-Connection", lookup("Proxy-Connection: close")),
        served("Keep-Alive with odd numbers", lookup("Connection: keep-alive\r\nKeep-Alive: timeout=-1, max=0")),
        served("HTTP/1.0", request("GET /v2/calls/" + first + " HTTP/1.0", "", behind), connection::closed),
        {"keep-alive in HTTP/1.0", kept_alive_1_0("X: y", next), {200, 200}, connection::goes_on, {first, other}},
        served("keep-alive and close in HTTP/1.0", kept_alive_1_0("Connection: close", behind), connection::closed),
        served("names Host", lookup("Connection: Host")),
        served("names Authorization", lookup("Connection: keep-alive, Authorization")),
        {"names Content-Length",
         lookup("Connection: Content-Length\r\n" + length_of(behind), behind + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"names Transfer-Encoding",
         lookup("Connection: Transfer-Encoding\r\n" + chunked, last_chunk + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        served("names Connection", lookup("Connection: Connection")),
        served("names Cache-Control and Via", lookup("Connection: Cache-Control, Via\r\nCache-Control: no-cache")),
        served("names 1,000 fields", lookup("Connection: x" +
                                            [] {
                                                std::string many;
                                                for (int i = 0; i < 1000; ++i) many += ", x" + std::to_string(i);
                                                return many;
                                            }())),
        refused("what is no list of tokens", lookup("Connection: keep alive")),
        refused("a token with a parameter", lookup("Connection: close;x=1", behind)),
        refused("a token in quotes", lookup("Connection: \"close\"", behind)),
    };
}

// A request within another's body, seen by one reader and not by the other.
std::vector<hostile> smuggling()
{
    const std::string covers = length_of(behind);
    const std::string one_less = "Content-Length: " + std::to_string(behind.size() - 1);
    const std::string one_more = "Content-Length: " + std::to_string(behind.size() + 1);
    return {
        refused("CL.TE", lookup(length_of(last_chunk + behind) + "\r\n" + chunked, last_chunk + behind)),
        refused("TE.CL", lookup(chunked + "\r\nContent-Length: 4", "5c\r\n" + behind + "\r\n0\r\n\r\n")),
        refused("CL.TE, a POST", post(length_of(last_chunk + behind) + "\r\n" + chunked, last_chunk + behind)),
        refused("TE.CL, a POST", post(chunked + "\r\nContent-Length: 4", "5c\r\n" + behind + "\r\n0\r\n\r\n")),
        refused("TE.TE, the second unknown", lookup(chunked + "\r\nTransfer-Encoding: cow", last_chunk + behind)),
        refused("TE.TE, the first unknown", lookup("Transfer-Encoding: cow\r\n" + chunked, last_chunk + behind)),
        refused("TE hidden by a space before its colon", lookup(covers + "\r\nTransfer-Encoding : chunked", behind)),
        refused("TE hidden by a fold", lookup(covers + "\r\n " + chunked, behind)),
        refused("TE hidden by a bare LF", lookup(covers + "\r\nX: y\n" + chunked, behind)),
        refused("TE hidden by a bare CR", lookup(covers + "\r\nX: y\r" + chunked, behind)),
        refused("TE hidden by NUL", lookup(covers + "\r\nTransfer-Encoding\0: chunked"s, behind)),
        refused("TE hidden by a vertical tab", lookup(covers + "\r\nTransfer-Encoding:\vchunked", behind)),
        refused("TE hidden by a control character in front", lookup(covers + "\r\n\x01" + chunked, behind)),
        refused("TE hidden by an 8-bit space", lookup(covers + "\r\n\xa0" + chunked, behind)),
        refused("CL hidden by a space before its colon", lookup("Content-Length: 0\r\nContent-Length : 5", behind)),
        refused("CL hidden by a bare LF", lookup("Content-Length: 0\r\nX: y\n" + covers, behind)),
        refused("CL hidden by a fold", lookup("X: y\r\n " + covers, behind)),
        refused("CL.CL", lookup("Content-Length: 0\r\n" + covers, behind)),
        refused("CL.CL the other way round", lookup(covers + "\r\nContent-Length: 0", behind)),
        refused("CL.0 as a list", lookup(covers + ", 0", behind)),
        refused("a head that ends with bare LFs", lookup("X: y\n\n" + behind)),
        refused("a head that ends with LF CR LF", lookup("X: y\n\r\n" + behind)),
        refused("a request behind a chunked one of HTTP/1.0", kept_alive_1_0(chunked, last_chunk + behind)),
        {"within a body of the right length",
         lookup(covers, behind + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"within a POST's body of the right length",
         post(covers, behind + next),
         {0, 200},
         connection::goes_on,
         {"POST /v2/calls/extensive\n" + covers, other}},
        {"within a body, HTTP/1.0",
         kept_alive_1_0(covers, behind + next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"within a HEAD's body",
         request("HEAD /v2/calls/" + first + " HTTP/1.1", covers, behind + next),
         {200, 200},
         connection::goes_on,
         {first, other},
         1},
        {"within the body of an own answer",
         request("GET /v2/calls/null HTTP/1.1", covers, behind + next),
         {400, 200},
         connection::goes_on,
         {other}},
        {"a body that is a byte short of it", lookup(one_less, behind + next), {200, 400}, connection::closed, {first}},
        {"a body that takes the next one's first byte",
         lookup(one_more, behind + next),
         {200, 0},
         connection::goes_on,
         {first, "ET /v2/calls/" + other}},
        {"within a body, which names another length",
         lookup("X-Content-Length: 0\r\n" + covers, behind),
         {200},
         connection::goes_on,
         {first}},
        {"behind an h2c upgrade, HTTP/2",
         lookup("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + behind),
         {200, 400},
         connection::closed,
         {first}},
        {"behind a websocket upgrade, a plain pipelined one",
         lookup("Connection: Upgrade\r\nUpgrade: websocket", next),
         {200, 200},
         connection::goes_on,
         {first, other}},
        {"behind CONNECT", bare("CONNECT localhost:4664 HTTP/1.1", "Host: localhost:4664", behind), {405}},
        {"behind an encoded line end",
         get("/v2/calls/1%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0a") + next,
         {400, 200},
         connection::goes_on,
         {other}},
        served("behind a body that is not read to its end", lookup("Content-Length: 1000000", behind),
               connection::closed),
    };
}

std::vector<hostile> pipelines()
{
    const std::string good = lookup();
    const std::string malformed = lookup("X : y");
    std::string hits;
    std::vector<unsigned> statuses;
    for (int i = 0; i < 50; ++i)
    {
        hits += good;
        statuses.push_back(200);
    }
    statuses.push_back(400);
    return {
        {"good, bad id, good",
         good + get("/v2/calls/null") + next,
         {200, 400, 200},
         connection::goes_on,
         {first, other}},
        {"good, no lookup, good",
         good + post("Content-Length: 2", "{}") + next,
         {200, 0, 200},
         connection::goes_on,
         {first, "POST /v2/calls/extensive\nContent-Length: 2", other}},
        {"good, foreign, good",
         good + get("http://evil.example/") + next,
         {200, 421, 200},
         connection::goes_on,
         {first, other}},
        {"good, without credential, good",
         good + bare("GET /v2/calls/" + hidden + " HTTP/1.1", "Host: localhost") + next,
         {200, 401, 200},
         connection::goes_on,
         {first, other}},
        {"good, malformed, good", good + malformed + behind, {200, 400}, connection::closed, {first}},
        {"malformed, good", malformed + behind, {400}},
        {"bad framing, good", lookup("Content-Length: x") + behind, {400}},
        {"no Host, good", bare("GET / HTTP/1.1", "X: y") + behind, {400}},
        {"good, CONNECT, good",
         good + bare("CONNECT x:1 HTTP/1.1", "Host: x:1") + behind,
         {200, 405},
         connection::closed,
         {first}},
        {"good, too large, good",
         good + lookup("X: " + std::string(20'000, 'x')) + behind,
         {200, 431},
         connection::closed,
         {first}},
        {"good, closing, good",
         good + request("GET /v2/calls/" + other + " HTTP/1.1", "Connection: close") + behind,
         {200, 200},
         connection::closed,
         {first, other}},
        {"good, HTTP/1.0, good",
         good + request("GET /v2/calls/" + other + " HTTP/1.0") + behind,
         {200, 200},
         connection::closed,
         {first, other}},
        {"good, chunked, good",
         good + request("GET /v2/calls/" + other + " HTTP/1.1", chunked, last_chunk) + behind,
         {200, 200, 200},
         connection::goes_on,
         {first, other, hidden}},
        {"good, HTTP/0.9", good + "GET /v2/calls/" + hidden + "\r\n" + behind, {200, 400}, connection::closed, {first}},
        {"good, an answer",
         good + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + behind,
         {200, 400},
         connection::closed,
         {first}},
        {"good, TLS", good + "\x16\x03\x01\x02\x00\x01"s + behind, {200, 400}, connection::closed, {first}},
        {"good, NULs", good + "\0\0\0\0"s + behind, {200, 400}, connection::closed, {first}},
        {"good, an empty line, good", good + "\r\n" + next, {200, 200}, connection::goes_on, {first, other}},
        {"good, two empty lines, good", good + "\r\n\r\n" + behind, {200, 400}, connection::closed, {first}},
        {"good, a bare LF, good", good + "\n" + behind, {200, 400}, connection::closed, {first}},
        {"the same fifty times, malformed, good", hits + malformed + behind, statuses, connection::closed, {first}},
        {"HEAD, HEAD, good",
         request("HEAD /v2/calls/" + first + " HTTP/1.1") + request("HEAD /v2/calls/1x HTTP/1.1") + next,
         {200, 400, 200},
         connection::goes_on,
         {first, other},
         2},
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: hostile framing");

TEST_CASE("a Content-Length is one plain number, or the connection ends")
{
    harness w;
    w.start();
    check_all(w, lengths());
}

TEST_CASE("a Transfer-Encoding is exactly one `chunked`, or the connection ends")
{
    harness w;
    w.start();
    check_all(w, codings());
}

TEST_CASE("a malformed chunked body is refused, nothing of it reaches the vendor, and nothing behind it is read")
{
    harness w;
    w.start();
    check_all(w, chunks());
}

TEST_CASE("what a tool expects, and what it says of its connection, changes nothing that the vendor sees")
{
    harness w;
    w.start();
    check_all(w, expectations_and_connections());
}

TEST_CASE("a request that is hidden in another's body is never answered nor forwarded")
{
    harness w;
    w.start();
    check_all(w, smuggling());
}

TEST_CASE("pipelined good and bad requests are answered in order, up to the first whose end is in doubt")
{
    harness w;
    w.start();
    check_all(w, pipelines());
}

TEST_CASE("a request that never ends is told so after server.header_timeout, and nobody else waits")
{
    harness w;
    w.start();
    REQUIRE(w.get(w.path(0)).status == 200);
    std::size_t asked = w.vendor->requests();
    const std::string good = w.request("GET", w.path(1));
    std::vector<std::unique_ptr<tool>> tools;
    for (const std::string& bytes :
         {"G"s, "GET"s, "GET "s, "GET /v2/calls/1"s, "GET /v2/calls/1 HTTP/1.1"s, "GET /v2/calls/1 HTTP/1.1\r"s,
          "GET / HTTP/1.1\r\n"s, "GET / HTTP/1.1\rHost: x"s, "GET / HTTP/1.1\r\nHost: x\r\n"s,
          "GET / HTTP/1.1\r\nHost: x\r\n\r"s, "GET / HTTP/1.1\r\nX"s, "GET / HTTP/1.1\r\nX : y"s,
          "GET / HTTP/1.1\r\nX: y\r\n folded"s, "\r\nGET"s, "\r\rGET"s, good.substr(0, good.size() - 1)})
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(bytes);
    }
    w.run_for_a_while();
    for (const auto& t : tools) CHECK_FALSE(t->has_answer());
    CHECK(w.get(w.path(0)).status == 200);
    w.clock.advance(11s);
    for (const auto& t : tools)
    {
        CHECK(t->read().status == 408);
        t->wait_closed();
        CHECK(t->received() == 0);
    }
    CHECK(w.get(w.path(0)).status == 200);
    CHECK(w.vendor->requests() == asked);
}

TEST_CASE("a body that never ends holds its connection for a while, and no longer")
{
    harness w;
    w.start();
    tool got(w), posted(w);
    got.send(w.request("GET", w.path(1), {{"Content-Length", "5"}}) + "he");
    posted.send(w.request("POST", "/v2/calls/extensive", {{"Content-Length", "5"}}) + "he");
    CHECK(got.read().status == 200);
    w.run_for_a_while();
    CHECK_FALSE(got.closed());
    CHECK_FALSE(posted.closed());
    w.clock.advance(11s);
    got.wait_closed();
    CHECK(got.received() == 0);
    w.clock.advance(65s);
    CHECK(posted.read().status == 408);
    posted.wait_closed();
    CHECK(posted.received() == 0);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
}

TEST_CASE("a request that is cut by the end of the sending side is not answered")
{
    harness w;
    w.start();
    const std::string good = w.request("GET", w.path(1));
    for (std::size_t size : {std::size_t(1), std::size_t(20), good.size() - 4, good.size() - 1})
    {
        tool t(w);
        t.send(good.substr(0, size));
        t.finish_sending();
        t.wait_closed();
        CHECK(t.received() == 0);
    }
    CHECK(w.vendor->requests() == 0);
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_SUITE_END();
