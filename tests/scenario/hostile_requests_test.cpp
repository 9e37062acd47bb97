// Requests whose lines are malformed, odd or hostile. A row a request: its name, its bytes, and what must come of it.

#include "server/http/via.hpp"
#include "tests/support/hostile.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache::test;
using namespace std::string_literals;

namespace
{

const std::string path = "/v2/calls/" + first;

std::vector<hostile> request_lines()
{
    auto version = [](const std::string& text) { return request("GET " + path + " " + text); };
    return {
        refused("no version, HTTP/0.9", "GET " + path + "\r\n\r\n"),
        refused("no version, with fields", request("GET " + path)),
        refused("no target", request("GET HTTP/1.1")),
        refused("no target, two spaces", request("GET  HTTP/1.1")),
        refused("no method", request(path + " HTTP/1.1")),
        refused("empty method", request(" " + path + " HTTP/1.1")),
        refused("version alone", request("HTTP/1.1")),
        refused("an answer's status line", request("HTTP/1.1 200 OK")),
        refused("a field line where the request line should stand", bare("Host: localhost:4664", "X: y")),
        refused("two spaces after the method", request("GET  " + path + " HTTP/1.1")),
        refused("two spaces before the version", request("GET " + path + "  HTTP/1.1")),
        refused("space at the end", request("GET " + path + " HTTP/1.1 ")),
        refused("space in front", request(" GET " + path + " HTTP/1.1")),
        refused("four words", request("GET " + path + " x HTTP/1.1")),
        refused("two versions", request("GET " + path + " HTTP/1.1 HTTP/1.1")),
        refused("tab after the method", request("GET\t" + path + " HTTP/1.1")),
        refused("tab before the version", request("GET " + path + "\tHTTP/1.1")),
        refused("tabs alone", request("GET\t" + path + "\tHTTP/1.1")),
        refused("vertical tab after the method", request("GET\v" + path + " HTTP/1.1")),
        refused("form feed before the version", request("GET " + path + "\fHTTP/1.1")),
        refused("no-break space after the method", request("GET\xa0" + path + " HTTP/1.1")),
        refused("HTTP/0.9 said", version("HTTP/0.9")),
        served("HTTP/1.2", version("HTTP/1.2")),
        served("HTTP/1.9", version("HTTP/1.9")),
        refused("HTTP/1.10", version("HTTP/1.10")),
        refused("HTTP/01.1", version("HTTP/01.1")),
        refused("HTTP/2.0", version("HTTP/2.0")),
        refused("HTTP/2", version("HTTP/2")),
        refused("HTTP/3", version("HTTP/3")),
        refused("HTTP/1.1x", version("HTTP/1.1x")),
        refused("HTTP/1.", version("HTTP/1.")),
        refused("HTTP/1", version("HTTP/1")),
        refused("HTTP/1,1", version("HTTP/1,1")),
        refused("HTTP/-1.1", version("HTTP/-1.1")),
        refused("HTTP/ 1.1", version("HTTP/ 1.1")),
        refused("http/1.1", version("http/1.1")),
        refused("HTTPS/1.1", version("HTTPS/1.1")),
        refused("ICY/1.1", version("ICY/1.1")),
        refused("NUL after the version", version("HTTP/1.1\0"s)),
        refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"s),
        refused("a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s),
        refused("bare LF behind the request line",
                "GET " + path + " HTTP/1.1\nHost: x\r\nAuthorization: " + authorization + "\r\n\r\n"),
        refused("bare LF everywhere", "GET " + path + " HTTP/1.1\nHost: x\nAuthorization: " + authorization + "\n\n"),
        refused("bare CR behind the request line", "GET " + path + " HTTP/1.1\rHost: localhost\r\n\r\n"),
        refused("two CRs behind the request line", request("GET " + path + " HTTP/1.1\r")),
        refused("LF CR", "GET " + path + " HTTP/1.1\n\rHost: localhost\n\r\n\r"),
        served("an empty line first", "\r\n" + lookup()),
        refused("two empty lines first", "\r\n\r\n" + lookup()),
        refused("a bare LF first", "\n" + lookup()),
        refused("a NUL first", "\0"s + lookup()),
        refused("a byte order mark first", "\xef\xbb\xbf" + lookup()),
        refused("a space and an empty line first", " \r\n" + lookup()),
    };
}

std::vector<hostile> methods()
{
    auto method = [](const std::string& name) { return request(name + " " + path + " HTTP/1.1"); };
    return {
        {"HEAD", method("HEAD"), {200}, connection::goes_on, {first}, 1},
        passed("get in lower case is another method", method("get"), "get " + path),
        passed("Get", method("Get"), "Get " + path),
        passed("GETS", method("GETS"), "GETS " + path),
        passed("a method of all the symbols", method("!#$%&'*+-.^_`|~"), "!#$%&'*+-.^_`|~ " + path),
        passed("POST to a call", method("POST"), "POST " + path),
        passed("PUT", method("PUT"), "PUT " + path),
        passed("DELETE", method("DELETE"), "DELETE " + path),
        passed("PATCH", method("PATCH"), "PATCH " + path),
        passed("PURGE", method("PURGE"), "PURGE " + path),
        passed("QUERY", method("QUERY"), "QUERY " + path),
        own("TRACE is not echoed", method("TRACE"), 405),
        own("TRACE with Max-Forwards: 0", request("TRACE " + path + " HTTP/1.1", "Max-Forwards: 0"), 405),
        passed("OPTIONS of a call", method("OPTIONS"), "OPTIONS " + path),
        own("OPTIONS with Max-Forwards: 0", request("OPTIONS " + path + " HTTP/1.1", "Max-Forwards: 0"), 204),
        passed("OPTIONS with Max-Forwards: 7", request("OPTIONS " + path + " HTTP/1.1", "Max-Forwards: 7"),
               "OPTIONS " + path + "\nMax-Forwards: 6\n"),
        refused("OPTIONS with a malformed Max-Forwards", request("OPTIONS " + path + " HTTP/1.1", "Max-Forwards: x")),
        passed("PRI in HTTP/1.1", method("PRI"), "PRI " + path),
        refused("a method in quotes", method("\"GET\"")),
        refused("a method with a colon", method("GET:")),
        refused("a method with a slash", method("GET/x")),
        refused("a method with parentheses", method("GET()")),
        refused("a method with @", method("G@T")),
        refused("an 8-bit method", method("G\xc9T")),
        refused("a method with NUL", method("GET\0"s)),
        refused("a method with DEL", method("GET\x7f")),
        refused("a method with ESC", method("\x1bGET")),
        refused("a method of 17,000 letters", method(std::string(17'000, 'G')), 431),
        passed("a method of 1,000 letters", method(std::string(1000, 'G')), std::string(1000, 'G') + " " + path),
        refused("CONNECT", bare("CONNECT api.gong.io:443 HTTP/1.1", "Host: api.gong.io:443"), 405),
        refused("CONNECT to a path", method("CONNECT"), 405),
        refused("CONNECT to callcache itself", request("CONNECT localhost:4664 HTTP/1.1"), 405),
        refused("CONNECT without Host", bare("CONNECT api.gong.io:443 HTTP/1.1", "X: y")),
    };
}

std::vector<hostile> forms_of_targets()
{
    return {
        served("absolute form, own", get("http://localhost:4664" + path)),
        served("absolute form, own by IPv4", get("http://127.0.0.1:4664" + path)),
        served("absolute form, own by IPv6", get("http://[::1]:4664" + path)),
        served("absolute form, own without port", get("http://localhost" + path)),
        served("absolute form, own with an empty port", get("http://localhost:" + path)),
        served("absolute form, host in capitals", get("http://LOCALHOST:4664" + path)),
        served("absolute form, scheme in capitals", get("HTTP://localhost:4664" + path)),
        served("absolute form, https", get("https://localhost:4664" + path)),
        served("absolute form, scheme https in capitals", get("HttpS://localhost:4664" + path)),
        served("absolute form counts, and not Host", bare("GET http://localhost:4664" + path + " HTTP/1.1",
                                                          "Host: api.gong.io\r\nAuthorization: " + authorization)),
        served("absolute form with a tool's name", get("http://localhost:4664/@etl" + path)),
        served("absolute form in HTTP/1.0",
               bare("GET http://localhost:4664" + path + " HTTP/1.0", "Authorization: " + authorization),
               connection::closed),
        refused("absolute form without Host",
                bare("GET http://localhost:4664" + path + " HTTP/1.1", "Authorization: " + authorization)),
        own("absolute form, the vendor", get("https://api.gong.io" + path), 421),
        own("absolute form, foreign, with an own Host", get("http://evil.example" + path), 421),
        own("absolute form, foreign, scheme in capitals", get("HTTP://evil.example" + path), 421),
        own("absolute form, own name in front of a foreign one", get("http://localhost.evil.example" + path), 421),
        own("absolute form, own address in front of a foreign name", get("http://127.0.0.1.evil.example" + path), 421),
        own("absolute form, all addresses", get("http://0.0.0.0:4664" + path), 421),
        own("absolute form, the cloud's metadata", get("http://169.254.169.254/latest/meta-data/"), 421),
        own("absolute form, foreign, and no path", get("http://evil.example"), 421),
        own("absolute form, own, and no path", get("http://localhost:4664"), 404),
        refused("absolute form with user info", get("http://user:pw@localhost:4664" + path)),
        refused("absolute form, own name as user info", get("http://localhost:4664@evil.example" + path)),
        refused("absolute form, bad port", get("http://localhost:99999" + path)),
        refused("absolute form, port of letters", get("http://localhost:http" + path)),
        refused("absolute form, backslash in the host", get("http://localhost\\@evil.example" + path)),
        refused("absolute form, encoded host", get("http://local%68ost" + path)),
        refused("absolute form, no host", get("http://" + path)),
        refused("absolute form, one slash", get("http:/localhost" + path)),
        refused("absolute form, IPv6 not closed", get("http://[::1" + path)),
        refused("absolute form, fragment in the place of a path", get("http://localhost#" + path)),
        refused("absolute form, ftp", get("ftp://localhost" + path)),
        refused("absolute form, file", get("file:///etc/passwd")),
        refused("absolute form, javascript", get("javascript:alert(1)")),
        refused("authority form without CONNECT", get("localhost:4664")),
        refused("authority form of the vendor without CONNECT", get("api.gong.io:443")),
        refused("asterisk form without OPTIONS", get("*")),
        passed("asterisk form", request("OPTIONS * HTTP/1.1"), "OPTIONS *"),
        refused("asterisk form, twice", request("OPTIONS ** HTTP/1.1")),
        refused("no slash in front", get("v2/calls/" + first)),
        refused("a query alone", get("?" + path)),
        refused("a dot in front", get("." + path)),
        refused("a backslash in front", get("\\v2\\calls\\" + first)),
        refused("@tool without a slash", get("@etl" + path)),
    };
}

std::vector<hostile> paths()
{
    const std::string calls = "/v2/calls/";
    std::vector<hostile> rows{
        {"an id of 20 digits", get("/v2/calls/0" + first), {404}, connection::goes_on, {"0" + first}},
        passed("no id", get(calls), "GET "s + (calls)),
        passed("a slash behind the id", get(path + "/"), "GET "s + (path + "/")),
        passed("an empty query", get(path + "?"), "GET "s + (path + "?")),
        passed("a query", get(path + "?id=" + hidden), "GET "s + (path + "?id=" + hidden)),
        own("two slashes in front", get("/" + path), 404),
        own("a host in front, without scheme", get("//evil.example" + path), 404),
        passed("two slashes before the id", get(calls + "/" + first), "GET "s + (calls + "/" + first)),
        passed("two slashes within", get("/v2//calls/" + first), "GET "s + ("/v2//calls/" + first)),
        own("dot segment in front", get("/." + path), 400),
        own("dot segments within", get("/v2/x/../calls/" + first), 400),
        own("dot segments up from the root", get("/../../v2/calls/" + first), 400),
        own("a dot segment behind the id", get(path + "/."), 400),
        own("dot segments behind the id", get(path + "/../" + hidden), 400),
        own("encoded dot segments in front", get("/%2e%2e" + path), 400),
        passed("an encoded letter", get("/v2/c%61lls/" + first), "GET "s + ("/v2/c%61lls/" + first)),
        passed("an encoded slash in front", get("/v2/calls%2f" + first), "GET "s + ("/v2/calls%2f" + first)),
        own("capitals", get("/V2/Calls/" + first), 404),
        passed("capitals behind the version", get("/v2/Calls/" + first), "GET "s + ("/v2/Calls/" + first)),
        passed("parameters of an earlier segment", get("/v2/calls;x=1/" + first), "GET "s + ("/v2/calls;x=1/" + first)),
        own("backslashes", get("/v2\\calls\\" + first), 404),
        passed("an encoded line end in a query", get(path + "?x=%0d%0aHost:%20evil.example"),
               "GET "s + (path + "?x=%0d%0aHost:%20evil.example")),
        own("%00 behind the version", get("/v2%00/calls/" + first), 404),
        passed("%00 in an earlier segment", get("/v2/calls%00/" + first), "GET "s + ("/v2/calls%00/" + first)),
        passed("broken percent encoding elsewhere", get("/v2/%zz/%"), "GET "s + ("/v2/%zz/%")),
        refused("a fragment behind the id", get(path + "#x")),
        refused("a fragment behind a query", get("/v2/users?x#y")),
        refused("a fragment alone", get("/#")),
        refused("a space in the id", get(path + " 1")),
        refused("NUL behind the id", get(path + "\0"s)),
        refused("CR behind the id", get(path + "\r")),
        refused("a tab behind the id", get(path + "\t")),
        refused("DEL behind the id", get(path + "\x7f")),
        refused("8-bit digits, Arabic", get(calls + "\xd9\xa1\xd9\xa2")),
        refused("8-bit digits, full width", get(calls + "\xef\xbc\x91")),
        refused("8-bit overlong slash", get("/v2/calls\xc0\xaf" + first)),
        refused("a target of 9,000 bytes", get("/" + std::string(9000, 'x')), 414),
        refused("a target of 20,000 bytes", get("/v2/calls/" + std::string(20'000, '1')), 414),
        refused("a target without end", "GET /" + std::string(20'000, 'x'), 414),
        passed("a target of 8,192 bytes", get("/v2/" + std::string(8188, 'x')),
               "GET "s + ("/v2/" + std::string(8188, 'x'))),
        own("an id of 8,000 digits", get(calls + std::string(8000, '1')), 400),
        served("a tool's name", get("/@etl" + path)),
        served("a tool's name of 64 characters", get("/@" + std::string(64, 'x') + path)),
        served("a tool's name of dots", get("/@.." + path)),
        own("a tool's name of 65 characters", get("/@" + std::string(65, 'x') + path), 400),
        own("a tool's name that is empty", get("/@" + path), 400),
        own("a tool's name and no path", get("/@etl"), 404),
        own("a tool's name and a query", get("/@etl?x" + path), 404),
        own("a tool's name with an encoded space", get("/@e%20l" + path), 400),
        own("a tool's name with a comma", get("/@e,l" + path), 400),
        own("a tool's name with @", get("/@e@l" + path), 400),
        own("a tool's name with a backslash", get("/@e\\l" + path), 400),
        own("a tool's name with a quote", get("/@e\"l" + path), 400),
        refused("a tool's name, 8-bit", get("/@\xc3\xa9tl" + path)),
        own("two tools' names", get("/@etl/@agent" + path), 404),
        own("a tool's name, encoded @", get("/%40etl" + path), 404),
        own("a tool's name, two slashes behind it", get("/@etl/" + path), 404),
        own("no version", get("/calls/" + first), 404),
        own("no version, OPTIONS", request("OPTIONS /calls/" + first + " HTTP/1.1"), 404),
        own("no version, POST", request("POST /calls/extensive HTTP/1.1", "Content-Length: 0"), 404),
        own("two versions", get("/v2" + path), 404),
        own("a tool's name, dot segments behind it", get("/@etl/.." + path), 400),
    };
    for (const char* id : {"100000000000000000000",
                           "..",
                           ".",
                           "%2e%2e",
                           "%2e%2e%2f1",
                           "..%2f1",
                           "%31",
                           "1%32",
                           "1%00",
                           "%00",
                           "1%2f",
                           "1%2F..%2F2",
                           "1%3fx",
                           "1%23x",
                           "1%0d%0aX:%20y",
                           "1%",
                           "1%zz",
                           "1%u0031",
                           "1;x",
                           "1;",
                           "1,2",
                           "1:2",
                           "1\\",
                           "\\1",
                           "-1",
                           "+1",
                           "1.0",
                           "1e3",
                           "0x1",
                           "1_0",
                           "1'--",
                           "1\"",
                           "<script>",
                           "{id}",
                           "${id}",
                           "$(id)",
                           "`id`",
                           "%D9%A1",
                           "%EF%BC%91",
                           "%20",
                           "%2031",
                           "undefined",
                           "NULL",
                           "*",
                           "@1",
                           "~",
                           "|",
                           "^1"})
        rows.push_back(own("in the place of an id: "s + id, get(calls + id), 400));
    return rows;
}

std::vector<hostile> field_lines()
{
    std::string many;
    for (int i = 0; i < 3000; ++i) many += "A: b\r\n";
    auto fields = [](int count) {  // two of them are those of every lookup
        std::string text;
        for (int i = 3; i < count; ++i) text += "A:b\r\n";
        return text + "A:b";
    };
    return {
        refused("a space before the colon", lookup("X : y")),
        refused("a tab before the colon", lookup("X\t: y")),
        refused("a space in front of the name", lookup("A: b\r\n X: y")),
        refused("a space within the name", lookup("X Y: z")),
        refused("a line without a colon", lookup("X")),
        refused("a word without a colon, as long as a line", lookup(std::string(300, 'x'))),
        refused("no name", lookup(": y")),
        refused("a colon alone", lookup(":")),
        refused("a space alone", lookup(" ")),
        refused("a folded line", lookup("X: y\r\n folded")),
        refused("a line folded with a tab", lookup("X: y\r\n\tfolded")),
        refused("a line folded into nothing", lookup("X: y\r\n ")),
        refused("a folded line that would be a field", lookup("X: y\r\n Host: evil.example")),
        refused("the first line folded", bare("GET " + path + " HTTP/1.1", " Host: localhost")),
        refused("Authorization folded", bare("GET " + path + " HTTP/1.1", "Host: x\r\nAuthorization: Basic\r\n a2V5")),
        refused("a bare LF within a value", lookup("X: y\nHost: evil.example")),
        refused("a bare CR within a value", lookup("X: y\rHost: evil.example")),
        refused("a bare CR at a value's end", lookup("X: y\r")),
        refused("a bare LF in the place of the empty line", "GET " + path + " HTTP/1.1\r\nHost: x\r\n\n"),
        refused("CR CR LF in the place of the empty line", "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\r\n"),
        refused("NUL in a name", lookup("X\0Y: z"s)),
        refused("NUL in a value", lookup("X: a\0b"s)),
        refused("NUL alone", lookup("\0"s)),
        refused("BEL in a value", lookup("X: \a")),
        refused("ESC in a value", lookup("X: \x1b[31m")),
        refused("vertical tab in a value", lookup("X: a\vb")),
        refused("form feed at a value's end", lookup("X: a\f")),
        refused("DEL in a value", lookup("X: a\x7f")),
        refused("a quote in a name", lookup("X\"Y: z")),
        refused("parentheses in a name", lookup("X(Y): z")),
        refused("a slash in a name", lookup("X/Y: z")),
        refused("brackets in a name", lookup("X[0]: z")),
        refused("a brace in a name", lookup("{X}: z")),
        refused("an equals sign in a name", lookup("X=Y: z")),
        refused("@ in a name", lookup("X@Y: z")),
        refused("a semicolon in a name", lookup("X;Y: z")),
        refused("an 8-bit name", lookup("X\xc3\xa9: z")),
        refused("a no-break space behind a name", lookup("X\xa0: z")),
        refused("3,000 fields", lookup(many), 431),
        refused("a value of 20,000 bytes", lookup("X: " + std::string(20'000, 'y')), 431),
        refused("a name of 20,000 bytes", lookup(std::string(20'000, 'X') + ": y"), 431),
        refused("a value without end", "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'y'), 431),
        served("200 fields", lookup(fields(200))),
        refused("201 fields", lookup(fields(201)), 431),
        refused("2,000 fields", lookup(fields(2000)), 431),
        served("a value of 15,000 bytes", lookup("X: " + std::string(15'000, 'y'))),
        served("a head of exactly server.header_bytes_max",
               lookup("X: " + std::string(16384 - lookup("X: ").size(), 'y'))),
        refused("a byte more than server.header_bytes_max",
                lookup("X: " + std::string(16384 - lookup("X: ").size() + 1, 'y')), 431),
        served("an empty value", lookup("X:")),
        served("a value of white space", lookup("X: \t \t")),
        served("no space behind the colon", lookup("X:y")),
        served("a colon in a value", lookup("X: y: z: :")),
        served("an 8-bit value", lookup("X: \xff\xfe\x80\xc3\xa9")),
        served("a tab within a value", lookup("X: a\tb")),
        served("a name of all the symbols", lookup("!#$%&'*+-.^_`|~09: y")),
        served("names in odd case",
               bare("GET " + path + " HTTP/1.1", "hOST: localhost:4664\r\naUTHORIZATION: " + authorization)),
        served("an unbalanced quote", lookup("Cache-Control: \"max-age=1, no-cache=\"\\\r\nPrefer: \"wait")),
    };
}

std::vector<hostile> hosts()
{
    auto with = [](const std::string& lines) {
        return bare("GET " + path + " HTTP/1.1", lines + "Authorization: " + authorization);
    };
    std::vector<hostile> rows{
        refused("no Host", with("")),
        refused("Host twice, the same", with("Host: localhost\r\nHost: localhost\r\n")),
        refused("Host twice, different", with("Host: localhost\r\nhost: evil.example\r\n")),
        refused("Host twice, the second empty", with("Host: localhost\r\nHost:\r\n")),
        refused("Host with a space before the colon", with("Host : localhost\r\n")),
        refused("Host folded", with("Host:\r\n localhost\r\n")),
        refused("Host twice in HTTP/1.0",
                bare("GET " + path + " HTTP/1.0", "Host: a\r\nHost: b\r\nAuthorization: " + authorization)),
        refused("a bad Host in HTTP/1.0",
                bare("GET " + path + " HTTP/1.0", "Host: a b\r\nAuthorization: " + authorization)),
        served("no Host in HTTP/1.0", bare("GET " + path + " HTTP/1.0", "Authorization: " + authorization),
               connection::closed),
        served("Host in white space", with("Host: \t localhost \t \r\n")),
        served("Host of IPv6", with("Host: [::1]:4664\r\n")),
        served("Host with an empty port", with("Host: localhost:\r\n")),
        served("a foreign Host, which is not handed on", with("Host: evil.example\r\n")),
        served("X-Forwarded-Host, which is not handed on",
               with("Host: localhost\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n")),
    };
    for (const char* host : {"",
                             " ",
                             ":",
                             ":4664",
                             "localhost/",
                             "localhost/v2",
                             "localhost?x",
                             "localhost#x",
                             "user@localhost",
                             "user:pw@localhost",
                             "localhost:4664:4664",
                             "localhost:x",
                             "localhost:-1",
                             "localhost:+80",
                             "localhost:65536",
                             "localhost:99999999999999999999",
                             "localhost:80 ,x",
                             "localhost,localhost",
                             "localhost, evil.example",
                             "localhost evil.example",
                             "local host",
                             "http://localhost",
                             "//localhost",
                             "localhost\\evil",
                             "l\xc3\xb6st",
                             "local%68ost",
                             "[::1",
                             "::1",
                             "[]",
                             "[::1]x",
                             "[localhost]",
                             "[fe80::1%25eth0]",
                             "\"localhost\"",
                             "*",
                             "localhost;x",
                             "(localhost)",
                             "<localhost>"})
        rows.push_back(refused("Host: "s + host, with("Host: "s + host + "\r\n")));
    return rows;
}

std::vector<hostile> other_fields()
{
    auto as = [](const std::string& lines) {
        return bare("GET " + path + " HTTP/1.1", "Host: localhost:4664" + lines);
    };
    return {
        own("no Authorization", as(""), 401),
        own("an empty Authorization", as("\r\nAuthorization:"), 401),
        own("an Authorization of white space", as("\r\nAuthorization: \t "), 401),
        own("Proxy-Authorization alone", as("\r\nProxy-Authorization: " + authorization), 401),
        own("X-Authorization alone", as("\r\nX-Authorization: " + authorization), 401),
        passed("a credential in the target", get("/v2/calls?accessKey=key"), "GET "s + ("/v2/calls?accessKey=key")),
        refused("Authorization twice, the same",
                as("\r\nAuthorization: " + authorization + "\r\nAuthorization: " + authorization)),
        refused("Authorization twice, different",
                as("\r\nAuthorization: " + authorization + "\r\nAuthorization: " + other_authorization)),
        refused("Authorization twice, the first empty", as("\r\nAuthorization:\r\nAuthorization: " + authorization)),
        served("Authorization in white space", as("\r\nAuthorization: \t " + authorization + "\t ")),
        {"a credential that is none", as("\r\nAuthorization: " + first), {401}, connection::goes_on, {first}, 0, first},
        served("Proxy-Authorization beside Authorization", lookup("Proxy-Authorization: " + other_authorization)),
        served("a cookie", lookup("Cookie: session=1\r\nSet-Cookie: session=2")),
        served("X-HTTP-Method-Override", lookup("X-HTTP-Method-Override: DELETE\r\nX-Method-Override: POST")),
        served("X-Original-URL", lookup("X-Original-URL: /v2/users\r\nX-Rewrite-URL: /v2/users")),
        served("addresses of others", lookup("X-Forwarded-For: 127.0.0.1\r\nForwarded: for=_x\r\nX-Real-IP: ::1")),
        {"Via another callcache",
         lookup("Via: 1.1 callcache, 1.1 callcache-00000000"),
         {200},
         connection::goes_on,
         {first},
         0,
         authorization,
         "1.1 callcache, 1.1 callcache-00000000"},
        refused("Via callcache itself", lookup("Via: 1.0 a, " + callcache::own_via() + " (comment)"), 508),
        refused("Via callcache itself, in a second field", lookup("Via: 1.0 a\r\nVia: HTTP/" + callcache::own_via()),
                508),
        served("content codings", lookup("Accept-Encoding: gzip, br;q=1.0, *;q=0\r\nContent-Encoding: gzip")),
        served("Range", lookup("Range: bytes=0-0\r\nIf-Range: \"x\"")),
        served("a thousand ranges", lookup("Range: bytes=0-" + std::string(5000, ','))),
        served("If-Match", lookup("If-Match: \"never\"\r\nIf-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT")),
        {"If-None-Match: *", lookup("If-None-Match: *"), {304}, connection::goes_on, {first}},
        served("a malformed If-None-Match", lookup("If-None-Match: \"a, W/, \"\", W/W/\"x")),
        served("Max-Forwards: 0", lookup("Max-Forwards: 0")),
        served("a malformed Max-Forwards", lookup("Max-Forwards: -1, x")),
        served("Upgrade to h2c", lookup("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM")),
        served("Upgrade to websocket", lookup("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==")),
        served("Upgrade without Connection", lookup("Upgrade: TLS/1.0")),
        served("TE", lookup("TE: trailers, chunked;q=0.5\r\nTrailer: Host")),
        served("numbers beyond all bounds in Cache-Control",
               lookup("Cache-Control: max-age=99999999999999999999, min-fresh=-1, max-stale=x, max-age=1e9")),
        served("numbers beyond all bounds in Prefer", lookup("Prefer: wait=99999999999999999999")),
        served("a malformed Prefer", lookup("Prefer: wait=-1, wait=, wait=\"x")),
        served("a malformed Priority", lookup("Priority: u=99, i=?x, u=\"6")),
        served("Pragma", lookup("Pragma: no-cache, x=\"")),
        served("a User-Agent of 8-bit bytes", lookup("User-Agent: \xff\xfe\" \\ %00 {}")),
        served("a User-Agent of 10,000 bytes", lookup("User-Agent: " + std::string(10'000, 'u'))),
        served("a Cache-Control of 5,000 commas", lookup("Cache-Control: " + std::string(5000, ','))),
        served("what a web page sends", lookup("Origin: http://evil.example\r\nSec-Fetch-Site: cross-site")),
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: hostile requests");

TEST_CASE("a request line is a method, a target, HTTP/1.1 or 1.0, and CR LF")
{
    harness w;
    w.start();
    check_all(w, request_lines());
}

TEST_CASE("a method is a token, and only GET and HEAD look up")
{
    harness w;
    w.start();
    check_all(w, methods());
}

TEST_CASE("a target is a path, or one at callcache itself")
{
    harness w;
    w.start();
    check_all(w, forms_of_targets());
}

TEST_CASE("a path is taken literally: what only resembles a lookup never becomes one")
{
    harness w;
    w.start();
    check_all(w, paths());
    CHECK(w.get("/v2/calls/0").status == 404);
    CHECK(w.vendor->requests("0") == 1);
}

TEST_CASE("a field line is a name, a colon and a value without control characters")
{
    harness w;
    w.start();
    check_all(w, field_lines());
}

TEST_CASE("there is one Host, and it is host[:port]")
{
    harness w;
    w.start();
    check_all(w, hosts());
}

TEST_CASE("the vendor sees the credential and the Via of a lookup, and no other field of the tool's")
{
    harness w;
    w.start();
    check_all(w, other_fields());
}

TEST_CASE("inject: a request to a name that is not callcache's, or of a web page, reaches nobody")
{
    harness w;
    std::ofstream(w.folder.file("key")) << "key\n";
    std::ofstream(w.folder.file("secret")) << "secret\n";
    w.config.credentials.mode = callcache::credentials_mode::inject;
    w.config.credentials.access_key_file = w.folder.file("key");
    w.config.credentials.access_key_secret_file = w.folder.file("secret");
    w.start();
    auto from = [](const std::string& host) { return bare("GET " + path + " HTTP/1.1", "Host: " + host); };
    check_all(w, {
                     served("without a credential", from("localhost:4664")),
                     served("with another's credential", lookup()),
                     served("not of a web page", lookup("Sec-Fetch-Site: none")),
                     own("a foreign Host", from("evil.example"), 421),
                     own("a foreign Host that begins as an own one", from("localhost.evil.example"), 421),
                     own("a foreign Host that begins as an own address", from("127.0.0.1.evil.example"), 421),
                     own("absolute form, foreign", get("http://evil.example" + path), 421),
                     own("a web page's Origin", lookup("Origin: http://evil.example"), 403),
                     own("an Origin that is not told", lookup("Origin: null"), 403),
                     own("a web page of the same site", lookup("Sec-Fetch-Site: same-origin"), 403),
                     own("a preflight", request("OPTIONS " + path + " HTTP/1.1"), 403),
                     refused("no Host", bare("GET " + path + " HTTP/1.1", "X: y")),
                 });
}

TEST_SUITE_END();
