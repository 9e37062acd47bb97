#include "server/http/head_guard.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <random>

using namespace callcache;
using progress = head_scanner::progress;

namespace
{

struct scanned
{
    progress what = progress::incomplete;
    std::size_t size = 0;
    unsigned status = 0;

    bool operator==(const scanned&) const = default;
};

std::ostream& operator<<(std::ostream& out, const scanned& s)
{
    const char* words[] = {"incomplete", "complete", "refused"};
    return out << words[int(s.what)] << ", size " << s.size << ", status " << s.status;
}

// `ends` are the numbers of bytes that have come, one time after the other.
scanned scan(std::string_view bytes, const std::vector<std::size_t>& ends, head_kind kind, std::size_t bytes_max)
{
    head_scanner scanner(kind, bytes_max);
    for (std::size_t end : ends)
    {
        // A copy of its own, so that a read beyond it is seen.
        std::string come(bytes.substr(0, end));
        progress p = scanner.scan(come);
        if (p == progress::complete) return {p, scanner.size(), 0};
        if (p == progress::refused)
        {
            CHECK_FALSE(scanner.refused().text.empty());
            return {p, 0, scanner.refused().status};
        }
    }
    return {};
}

scanned whole(std::string_view bytes, head_kind kind = head_kind::request, std::size_t bytes_max = 16 << 10)
{
    return scan(bytes, {bytes.size()}, kind, bytes_max);
}

scanned byte_by_byte(std::string_view bytes, head_kind kind = head_kind::request, std::size_t bytes_max = 16 << 10)
{
    std::vector<std::size_t> ends;
    for (std::size_t i = 1; i <= bytes.size(); ++i) ends.push_back(i);
    return scan(bytes, ends, kind, bytes_max);
}

bool refused(std::string bytes, unsigned status = 400, head_kind kind = head_kind::request)
{
    CAPTURE(bytes);
    CHECK(whole(bytes, kind) == scanned{progress::refused, 0, status});
    CHECK(byte_by_byte(bytes, kind) == scanned{progress::refused, 0, status});
    return true;
}

bool complete(std::string head, head_kind kind = head_kind::request)
{
    CAPTURE(head);
    scanned good{progress::complete, head.size(), 0};
    CHECK(whole(head, kind) == good);
    CHECK(byte_by_byte(head, kind) == good);
    CHECK(whole(head + "body\n\0 and more", kind) == good);
    for (std::size_t n = 0; n < head.size(); ++n) CHECK(whole(head.substr(0, n), kind) == scanned{});
    return true;
}

std::string with_field(std::string line)
{
    return "GET / HTTP/1.1\r\nHost: x\r\n" + line + "\r\n\r\n";
}

std::string with_target(std::string target)
{
    return "GET " + target + " HTTP/1.1\r\n\r\n";
}

std::vector<field_view> fields(std::initializer_list<field_view> list)
{
    return list;
}

}  // namespace

TEST_CASE("head: what cannot begin a status line is refused at once")
{
    for (const char* begun : {"x", " ", "h", "HTTP/2", "HTTP1", "SSH-2.0", "<html>"})
    {
        INFO(begun);
        CHECK(head_scanner(head_kind::response, 100).scan(begun) == head_scanner::progress::refused);
    }
    for (const char* begun : {"H", "HTTP", "HTTP/1.", "HTTP/1.1 200 O"})
        CHECK(head_scanner(head_kind::response, 100).scan(begun) == head_scanner::progress::incomplete);
}

TEST_CASE("head: a good request is complete at its empty line, and not before")
{
    complete("GET / HTTP/1.1\r\n\r\n");
    complete("GET /v2/calls/1 HTTP/1.0\r\nHost: localhost:4664\r\nX: a\tb \xc3\xbc\r\nEmpty:\r\nSpaced:   \r\n\r\n");
    complete("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    complete("M-SEARCH! http://x/ HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: v:w\r\n\r\n");
}

TEST_CASE("head: a good answer is complete at its empty line, and not before")
{
    complete("HTTP/1.1 200 OK\r\n\r\n", head_kind::response);
    complete("HTTP/1.0 404 \r\nContent-Length: 0\r\n\r\n", head_kind::response);
    complete("HTTP/1.1 429\r\nRetry-After: 1\r\n\r\n", head_kind::response);
    complete("HTTP/1.1 299 Gr\xc3\xbc\xc3\x9f Gott\r\n\r\n", head_kind::response);
}

TEST_CASE("head: a line ends with CR LF and with nothing else")
{
    refused("GET / HTTP/1.1\n\n");
    refused("GET / HTTP/1.1\nHost: x\r\n\r\n");
    refused("GET / HTTP/1.1\r\nHost: x\n\r\n");
    refused("GET / HTTP/1.1\r\nHost: x\r\n\n");
    refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n");
    refused("GET / HTTP/1.1\rHost: x\r\n\r\n");
    refused("GET / HTTP/1.1\r\r\n\r\n");
    refused("GET / HTTP/1.1\r\nHost: x\r\r\n\r\n");
    refused("GET / HTTP/1.1\r\nHost: x\r\n\r\r\n");
    refused("\n");
    refused("\nGET / HTTP/1.1\r\n\r\n");
    refused("HTTP/1.1 200 OK\n\n", 400, head_kind::response);
}

TEST_CASE("head: no control character stands in it, wherever")
{
    for (char c : {'\0', '\1', '\v', '\f', '\x1b', '\x7f'})
    {
        CAPTURE(int(c));
        std::string text(1, c);
        refused("G" + text + "T / HTTP/1.1\r\n\r\n");
        refused("GET /" + text + " HTTP/1.1\r\n\r\n");
        refused("GET / HTTP/1.1" + text + "\r\n\r\n");
        refused(with_field("A" + text + ": b"));
        refused(with_field("A: b" + text));
        refused(with_field("A:" + text));
        refused(with_field(text));
        refused("HTTP/1.1 200 O" + text + "K\r\n\r\n", 400, head_kind::response);
    }
}

TEST_CASE("head: what can no longer be good is refused at once, and not waited for")
{
    CHECK(whole("\x16\x03\x01").what == progress::refused);  // TLS
    CHECK(whole(std::string_view("GET /\0", 6)).what == progress::refused);
    CHECK(whole("GET / HTTP/2.0\r\n").what == progress::refused);
    CHECK(whole("GET / HTTP/1.1\r\nA : b\r\n").what == progress::refused);
}

TEST_CASE("head: no folded lines, no space before the colon, no name that is none")
{
    for (std::string line : {" folded", "\tfolded", "A: b\r\n folded", "A : b", "A\t: b", " A: b", "A", "A b: c", ": b",
                             ":", "A(: b", "A\": b", "A@b: c", "A/b: c", "A[: b", "\xc3\xbc: b", "A,B: c", "A;: b"})
        refused(with_field(line));
    refused("GET / HTTP/1.1\r\n Host: x\r\n\r\n");
    refused("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", 400, head_kind::response);
    refused("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", 400, head_kind::response);
}

TEST_CASE("head: a request line is method, target and HTTP/1.1 or 1.0, with one space each")
{
    for (std::string line : {"",
                             " ",
                             "GET",
                             "GET /",
                             "GET / ",
                             "GET /  HTTP/1.1",
                             "GET  / HTTP/1.1",
                             "GET / HTTP/1.1 ",
                             " GET / HTTP/1.1",
                             "GET\t/ HTTP/1.1",
                             "GET / HTTP/0.9",
                             "GET / HTTP/2",
                             "GET / HTTP/2.0",
                             "PRI * HTTP/2.0",
                             "GET / HTTP/11",
                             "GET / http/1.1",
                             "GET / HTTP/1.10",
                             "GET / HTTP/01.1",
                             "GET / HTTP /1.1",
                             "GET / x HTTP/1.1",
                             "G@T / HTTP/1.1",
                             "GET: / HTTP/1.1",
                             "/ HTTP/1.1",
                             "GET  HTTP/1.1",
                             "HTTP/1.1 200 OK",
                             "GET / ICY/1.1",
                             "GET / HTTPS/1.1",
                             "GET / HTTP/1,1"})
        refused(line + "\r\n\r\n");
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

TEST_CASE("head: a later version of HTTP/1 is taken (RFC 9110, section 2.5)")
{
    CHECK(whole("GET / HTTP/1.2\r\nHost: x\r\n\r\n").what == progress::complete);
    CHECK(whole("HTTP/1.9 200\r\n\r\n", head_kind::response).what == progress::complete);
}

TEST_CASE("head: a target holds what may stand in one, and no more")
{
    for (std::string target : {"/\xc3\xbc", "/\t", "/a b", "/\xff", "/#", "/a?b#c"}) refused(with_target(target));
    for (std::string target : {"/%C3%BC", "/?a=b&c=[d]", "/|", "/\"<>", "*"})
        CHECK(whole(with_target(target)).what == progress::complete);
}

TEST_CASE("head: a status line is HTTP/1.1 or 1.0 and three digits")
{
    for (std::string line : {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 20x OK",
                             "HTTP/1.1  200 OK", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "http/1.1 200 OK", "ICY 200 OK",
                             "HTTP/1.1 -20 OK", "HTTP/1.1 200OK", " HTTP/1.1 200 OK", "GET / HTTP/1.1", "<html><body>"})
        refused(line + "\r\n\r\n", 400, head_kind::response);
}

TEST_CASE("head: a target of 8 KiB is taken, a longer one is 414, however it arrives")
{
    auto target = [](std::size_t bytes) { return with_target("/" + std::string(bytes - 1, 'x')); };
    CHECK(whole(target(8192)).what == progress::complete);
    CHECK(byte_by_byte(target(8192)).what == progress::complete);
    refused(target(8193), 414);
    refused(target(12'000), 414);
}

TEST_CASE("head: a target larger than the whole head may be is 414 or 431, the same however it arrives")
{
    std::string bytes = with_target("/" + std::string(20'000, 'x'));
    CHECK(whole(bytes) == byte_by_byte(bytes));
}

TEST_CASE("head: a long method does not make a good target too long")
{
    std::string bytes = std::string(100, 'M') + " /" + std::string(8190, 'x') + " HTTP/1.1\r\n\r\n";
    CHECK(whole(bytes) == byte_by_byte(bytes));
}

TEST_CASE("head: it may be as large as the limit, and a byte more is 431, however it arrives")
{
    for (std::size_t bytes_max : {std::size_t(1024), std::size_t(16 << 10)})
        for (bool many : {false, true})
        {
            CAPTURE(bytes_max);
            std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
            while (many && head.size() + 200 < bytes_max) head += "A: 0123456789\r\n";
            head += "X: " + std::string(bytes_max - head.size() - 7, 'x') + "\r\n\r\n";
            REQUIRE(head.size() == bytes_max);
            std::string larger = head;
            larger.insert(larger.size() - 4, 1, 'x');
            CHECK(whole(head, head_kind::request, bytes_max) == scanned{progress::complete, bytes_max, 0});
            CHECK(byte_by_byte(head, head_kind::request, bytes_max) == scanned{progress::complete, bytes_max, 0});
            CHECK(whole(larger, head_kind::request, bytes_max) == scanned{progress::refused, 0, 431});
            CHECK(byte_by_byte(larger, head_kind::request, bytes_max) == scanned{progress::refused, 0, 431});
            // An endless line is not waited for.
            std::string endless = "GET / HTTP/1.1\r\nX: " + std::string(2 * bytes_max, 'x');
            CHECK(whole(endless, head_kind::request, bytes_max) == scanned{progress::refused, 0, 431});
            CHECK(byte_by_byte(endless, head_kind::request, bytes_max) == scanned{progress::refused, 0, 431});
        }
}

TEST_CASE("head: what lies behind a good head does not count against its limit")
{
    std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    CHECK(whole(head + std::string(100'000, '\0')) == scanned{progress::complete, head.size(), 0});
}

TEST_CASE("head: in pieces it is read as in one, whatever its bytes")
{
    const std::string good[] = {"GET /v2/calls/1 HTTP/1.1\r\nHost: x:1\r\nA: b\r\nC:\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n"};
    const std::string spice("\r\n\n\r\0 \t:\x7f\x80"
                            "A/1",
                            14);
    for (unsigned seed = 1; seed <= 4000; ++seed)
    {
        std::mt19937 random(seed);
        head_kind kind = seed % 2 ? head_kind::request : head_kind::response;
        std::string bytes = good[seed % 2 ? 0 : 1];
        for (unsigned i = random() % 3 + 1; i > 0; --i)
        {
            std::size_t at = random() % bytes.size();
            char c = spice[random() % spice.size()];
            switch (random() % 3)
            {
            case 0: bytes[at] = c; break;
            case 1: bytes.insert(at, 1, c); break;
            default: bytes.erase(at, 1);
            }
        }
        std::vector<std::size_t> pieces;
        for (std::size_t end = 0; end < bytes.size(); pieces.push_back(end))
            end = std::min(bytes.size(), end + random() % 9 + 1);
        CAPTURE(seed);
        CAPTURE(bytes);
        scanned expected = whole(bytes, kind);
        REQUIRE(byte_by_byte(bytes, kind) == expected);
        REQUIRE(scan(bytes, pieces, kind, 16 << 10) == expected);
    }
}

TEST_CASE("framing: a length, chunked, or nothing")
{
    using kind = framing::kind;
    struct
    {
        std::vector<field_view> head;
        unsigned status;
        kind what;
        std::uint64_t length;
    } cases[] = {
        {{}, 0, kind::none, 0},
        {{{"content-length", "0"}}, 0, kind::none, 0},
        {{{"CONTENT-LENGTH", "5"}}, 0, kind::length, 5},
        {{{"Content-Length", "9223372036854775807"}}, 0, kind::length, 9223372036854775807u},
        {{{"Transfer-Encoding", "chunked"}}, 0, kind::chunked, 0},
        {{{"transfer-encoding", "CHUNKED"}}, 0, kind::chunked, 0},
        {{}, 200, kind::until_close, 0},
        {{{"Content-Length", "0"}}, 200, kind::length, 0},
        {{{"Content-Length", "5"}}, 404, kind::length, 5},
        {{{"Transfer-Encoding", "chunked"}}, 200, kind::chunked, 0},
        {{}, 204, kind::none, 0},
        {{}, 304, kind::none, 0},
        {{{"Content-Length", "5"}}, 304, kind::none, 0},
        {{}, 100, kind::none, 0},
        {{}, 103, kind::none, 0},
    };
    for (const auto& c : cases)
    {
        auto f = framing_of(c.head, 1, c.status);
        CHECK_FALSE(f.refused);
        CHECK(int(f.body.what) == int(c.what));
        CHECK(f.body.length == c.length);
    }
    CHECK(int(framing_of(fields({{"Content-Length", "5"}}), 0, 0).body.what) == int(kind::length));
    CHECK(int(framing_of({}, 0, 200).body.what) == int(kind::until_close));
}

TEST_CASE("framing: what two readers could take for two lengths is refused")
{
    struct
    {
        std::vector<field_view> head;
        int minor = 1;
    } cases[] = {
        {fields({{"Content-Length", "5"}, {"Content-Length", "5"}})},
        {fields({{"Content-Length", "5"}, {"X", "y"}, {"content-length", "6"}})},
        {fields({{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}})},
        {fields({{"Transfer-Encoding", "chunked"}, {"Content-Length", "0"}})},
        {fields({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}})},
        {fields({{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}})},
        {fields({{"Transfer-Encoding", "chunked"}}), 0},
        {fields({{"Transfer-Encoding", "gzip, chunked"}})},
        {fields({{"Transfer-Encoding", "chunked, chunked"}})},
        {fields({{"Transfer-Encoding", "chunked;x=1"}})},
        {fields({{"Transfer-Encoding", "chunked,"}})},
        {fields({{"Transfer-Encoding", ", chunked"}})},
        {fields({{"Transfer-Encoding", "\"chunked\""}})},
        {fields({{"Transfer-Encoding", "xchunked"}})},
        {fields({{"Transfer-Encoding", "chunked\v"}})},
        {fields({{"Transfer-Encoding", "identity"}})},
        {fields({{"Transfer-Encoding", "gzip"}})},
        {fields({{"Transfer-Encoding", ""}})},
    };
    int i = 0;
    for (const auto& c : cases)
    {
        CAPTURE(i++);
        for (unsigned status : {0u, 200u})
        {
            auto f = framing_of(c.head, c.minor, status);
            REQUIRE(f.refused);
            CHECK(f.refused->status == 400);
        }
    }
    CHECK(framing_of(fields({{"Transfer-Encoding", "chunked"}}), 1, 204).refused);
    CHECK(framing_of(fields({{"Transfer-Encoding", "chunked"}}), 1, 304).refused);
    CHECK(framing_of(fields({{"Content-Length", "0"}, {"Content-Length", "0"}}), 1, 304).refused);
}

TEST_CASE("framing: a length is digits, and fits")
{
    for (std::string value : {"",
                              "5, 5",
                              "5,5",
                              "+5",
                              "-1",
                              "-0",
                              "0x5",
                              "5x",
                              "5 5",
                              " 5",
                              "5 ",
                              "5.0",
                              "1e3",
                              "five",
                              "9223372036854775808",
                              "18446744073709551615",
                              "18446744073709551616",
                              "18446744073709551621",
                              "99999999999999999999999999",
                              "\xd9\xa5"})
    {
        CAPTURE(value);
        CHECK(framing_of(fields({{"Content-Length", value}}), 1, 0).refused);
        CHECK(framing_of(fields({{"Content-Length", value}}), 0, 0).refused);
        CHECK(framing_of(fields({{"Content-Length", value}}), 1, 200).refused);
    }
}

TEST_CASE("host: exactly one, and a good one")
{
    for (std::string host : {"localhost", "localhost:4664", "LOCALHOST:4664", "api.gong.io", "127.0.0.1:1", "[::1]",
                             "[::1]:4664", "localhost:"})
    {
        CAPTURE(host);
        CHECK_FALSE(check_host(fields({{"host", host}}), 1));
        CHECK_FALSE(check_host(fields({{"X", "y"}, {"HOST", host}}), 0));
    }
    for (std::string host : {"",           ":",           ":80",         "user@host",  "user:pw@host",
                             "host:80:80", "host:x",      "host:-1",     "host:65536", "host:99999999999",
                             "a?b",        "a/b",         "a#b",         "[",          "[::1",
                             "::1",        "[]",          "[::1]x",      "a b",        "a,b",
                             "a, b",       "h\xc3\xb6st", "http://host", "a\\b",       "host::",
                             "[::1]:x",    "[x]"})
    {
        CAPTURE(host);
        auto refusal = check_host(fields({{"Host", host}}), 1);
        REQUIRE(refusal);
        CHECK(refusal->status == 400);
        CHECK(check_host(fields({{"Host", host}}), 0));
    }
    CHECK(check_host({}, 1));
    CHECK_FALSE(check_host({}, 0));
    CHECK(check_host(fields({{"Host", "a"}, {"host", "a"}}), 1));
    CHECK(check_host(fields({{"Host", "a"}, {"host", "b"}}), 0));
}

TEST_CASE("hop by hop: what is known, and what Connection names")
{
    for (std::string name : {"Connection", "Keep-Alive", "proxy-connection", "Proxy-Authenticate",
                             "Proxy-Authorization", "TE", "Trailer", "TRANSFER-ENCODING", "Upgrade", "Content-Length"})
        CHECK(is_hop_by_hop(name, {}));
    for (std::string name : {"Content-Type", "Authorization", "Connectionx", "X", "Accept"})
        CHECK_FALSE(is_hop_by_hop(name, {}));
    auto named = fields({{"Connection", "close, X-One"}, {"connection", "\tx-two ,,"}, {"X-Three", "x-four"}});
    CHECK(is_hop_by_hop("x-one", named));
    CHECK(is_hop_by_hop("X-Two", named));
    CHECK_FALSE(is_hop_by_hop("X-Three", named));
    CHECK_FALSE(is_hop_by_hop("X-Four", named));
    CHECK_FALSE(is_hop_by_hop("X-On", named));
    CHECK_FALSE(is_hop_by_hop("", named));
}
