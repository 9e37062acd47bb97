// Answers that are well framed, and whose status, type or body is not that of a call.

#include "tests/support/gzip.hpp"
#include "tests/support/hostile_vendor.hpp"

#include <doctest/doctest.h>

using namespace callcache::test;
using namespace std::string_literals;
using sim::then;

namespace
{

const std::string json = "Content-Type: application/json";
const std::string errors = "{\"requestId\":\"r\",\"errors\":[\"no\"]}";

std::string body(const std::string& text)
{
    return message("200 OK\r\n" + json, text);
}

std::string call(const std::string& members)
{
    return "{\"requestId\":\"r\",\"call\":{" + members + "}}";
}

std::string with(const std::string& lines)
{
    return message("200 OK\r\n" + json + "\r\n" + lines);
}

std::string gzip(const std::string& bytes)
{
    return message("200 OK\r\n" + json + "\r\nContent-Encoding: gzip", bytes);
}

// A megabyte, in more than a thousand members each of which is a megabyte of spaces.
std::string bomb()
{
    const std::string member = gzipped(std::string(1 << 20, ' '));
    std::string all;
    while (all.size() + member.size() < (1 << 20)) all += member;
    return all;
}

std::vector<hostile_answer> types()
{
    auto type = [](const std::string& text) { return message("200 OK\r\nContent-Type: " + text); };
    return {
        served("a charset", {type("application/json; charset=utf-8")}),
        served("another charset", {type("application/json;charset=utf-16")}),
        served("a type in capitals", {type("APPLICATION/JSON ; x")}),
        served("a structured type", {type("application/vnd.gong.v2+json")}),
        served("the same type twice", {type("application/json\r\nContent-Type: application/json")}),
        nonsense("two types, JSON first", {type("application/json\r\nContent-Type: text/html")}),
        nonsense("two types, JSON last", {type("text/html\r\nContent-Type: application/json")}),
        nonsense("a list of types", {type("application/json, text/html")}),
        nonsense("HTML that is a call", {type("text/html")}),
        nonsense("text that is a call", {type("text/json")}),
        nonsense("JSON lines", {type("application/json-seq")}),
        nonsense("an empty type", {type("")}),
        nonsense("no type", {message("200 OK")}),
        nonsense("the type is of one connection alone", {with("Connection: Content-Type")}),
        served("identity, said", {with("Content-Encoding: identity")}),
        served("an empty coding", {with("Content-Encoding:")}),
        served("gzip, unasked", {gzip(gzipped(good_call))}),
        served("gzip in two members", {gzip(gzipped(good_call.substr(0, 9)) + gzipped(good_call.substr(9)))}),
        served("gzip of a megabyte, and no more",
               {gzip(gzipped(good_call + std::string((1 << 20) - good_call.size(), ' ')))}),
        nonsense("gzip of a byte more",
                 {gzip(gzipped(good_call + std::string((1 << 20) + 1 - good_call.size(), ' ')))}),
        nonsense("gzip that unfolds to a gigabyte", {gzip(bomb())}),
        nonsense("gzip, its head alone", {gzip("\x1f\x8b\x08\0\0"s)}),
        nonsense("gzip, cut off", {gzip(gzipped(good_call).substr(0, gzipped(good_call).size() - 1))}),
        nonsense("gzip and a byte too many", {gzip(gzipped(good_call) + "x")}),
        nonsense("gzip and half a member", {gzip(gzipped(good_call) + gzipped("").substr(0, 12))}),
        nonsense("gzip with a wrong sum", {gzip(gzipped(good_call).replace(gzipped(good_call).size() - 8, 1, "x"))}),
        nonsense("gzip of something else", {gzip(gzipped("<html>"))}),
        nonsense("gzip of gzip", {gzip(gzipped(gzipped(good_call)))}),
        nonsense("gzip of nothing", {gzip(gzipped(""))}),
        nonsense("gzip without a byte", {gzip("")}),
        nonsense("deflate", {message("200 OK\r\n" + json + "\r\nContent-Encoding: deflate", gzipped(good_call))}),
        nonsense("gzip said, and plain", {with("Content-Encoding: gzip")}),
        nonsense("plain said, and gzip", {body("\x1f\x8b\x08\0\0"s)}),
        nonsense("an unknown coding", {with("Content-Encoding: evil")}),
        nonsense("gzip twice", {with("Content-Encoding: gzip, gzip")}),
        nonsense("identity and gzip", {with("Content-Encoding: identity, gzip")}),
        nonsense("identity and gzip, on two lines", {with("Content-Encoding: identity\r\nContent-Encoding: gzip")}),
        nonsense("nothing and br, on two lines", {with("Content-Encoding:\r\nContent-Encoding: br")}),
    };
}

std::vector<hostile_answer> bodies()
{
    const std::string id = "\"id\":\"" + asked_id + "\"", other = sim::call_catalogue().id(2);
    std::string deep = call(id + ",\"x\":" + std::string(500, '[') + std::string(500, ']'));
    std::string most = good_call + std::string((1 << 20) - good_call.size(), ' ');
    return {
        served("white space around it", {body(" \t\r\n" + good_call + "\r\n ")}),
        served("a megabyte, and no more", {body(most)}),
        served("further members",
               {body("{\"call\":{" + id + ",\"x\":[{\"id\":\"2\"}]},\"x\":{\"call\":{\"id\":\"3\"}}}")}),
        served("an escaped NUL", {body(call(id + ",\"x\":\"\\u0000\""))}),
        served("an escaped name of a member", {body(call(id + ",\"\\u0078\":1"))}),
        served("a number beyond every machine's", {body(call(id + ",\"x\":1e999999"))}),
        served("members of the same name elsewhere", {body("{\"x\":1,\"x\":2,\"call\":{" + id + ",\"y\":1,\"y\":2}}")}),
        nonsense("nothing", {body("")}),
        nonsense("white space", {body(" \r\n ")}),
        nonsense("null", {body("null")}),
        nonsense("a string", {body("\"" + asked_id + "\"")}),
        nonsense("a number", {body(asked_id)}),
        nonsense("an empty object", {body("{}")}),
        nonsense("a list", {body("[" + good_call + "]")}),
        nonsense("no call", {body("{\"requestId\":\"r\"}")}),
        nonsense("the call is null", {body("{\"call\":null}")}),
        nonsense("the call is a list", {body("{\"call\":[{" + id + "}]}")}),
        nonsense("the call is a string", {body("{\"call\":\"" + asked_id + "\"}")}),
        nonsense("the call has another name", {body("{\"Call\":{" + id + "}}")}),
        nonsense("the call is elsewhere", {body("{\"x\":" + good_call + "}")}),
        nonsense("the call alone", {body("{" + id + "}")}),
        nonsense("an error within a 200", {body(errors)}),
        nonsense("another call", {body(call("\"id\":\"" + other + "\""))}),
        nonsense("an id that is a number", {body(call("\"id\":" + asked_id))}),
        nonsense("an id with a zero in front", {body(call("\"id\":\"0" + asked_id + "\""))}),
        nonsense("an id with a space", {body(call("\"id\":\"" + asked_id + " \""))}),
        nonsense("an id with a NUL", {body(call("\"id\":\"" + asked_id + "\\u0000\""))}),
        nonsense("no id", {body(call("\"x\":1"))}),
        nonsense("an id elsewhere alone", {body(call("\"x\":{" + id + "}"))}),
        nonsense("an id twice", {body(call(id + "," + id))}),
        nonsense("another id behind it", {body(call(id + ",\"id\":\"" + other + "\""))}),
        nonsense("another id behind it, escaped", {body(call(id + ",\"\\u0069\\u0064\":\"" + other + "\""))}),
        nonsense("two calls", {body("{\"call\":{" + id + "},\"call\":{" + id + "}}")}),
        nonsense("private twice", {body(call(id + ",\"isPrivate\":false,\"isPrivate\":true"))}),
        nonsense("half of a text", {body(good_call.substr(0, good_call.size() - 1))}),
        nonsense("a text and more", {body(good_call + "evil")}),
        nonsense("two texts", {body(good_call + good_call)}),
        nonsense("a text and a NUL", {body(good_call + "\0"s)}),
        nonsense("a byte order mark", {body("\xef\xbb\xbf" + good_call)}),
        nonsense("UTF-16", {body("\xff\xfe{\0}\0"s)}),
        nonsense("bytes that are not UTF-8", {body(call(id + ",\"x\":\"\xff\""))}),
        nonsense("an overlong character", {body(call(id + ",\"x\":\"\xc0\xaf\""))}),
        nonsense("a surrogate in UTF-8", {body(call(id + ",\"x\":\"\xed\xa0\x80\""))}),
        nonsense("half of a character", {body(call(id + ",\"x\":\"\xe2\x82\""))}),
        served("half of a surrogate pair", {body(call(id + ",\"x\":\"\\ud800\""))}),
        nonsense("a control character in a string", {body(call(id + ",\"x\":\"\n\""))}),
        nonsense("a comment", {body(call(id + "/* evil */"))}),
        nonsense("a comma too many", {body(call(id + ","))}),
        nonsense("single quotes", {body("{'call':{'id':'" + asked_id + "'}}")}),
        nonsense("NaN", {body(call(id + ",\"x\":NaN"))}),
        nonsense("JSONP", {body("evil(" + good_call + ")")}),
        nonsense("nested deeper than 64", {body(deep)}),
        nonsense("a megabyte of [", {body(std::string(1 << 20, '['))}),
        nonsense("a megabyte of {\"a\":", {body([] {
                     std::string many;
                     while (many.size() < (1 << 20) - 5) many += "{\"a\":";
                     return many;
                 }())}),
        refused("a megabyte and one byte", {body(most + " ")}),
        refused("1.1 MiB", {body("{\"x\":\"" + std::string((1 << 20) + (1 << 17), 'x') + "\"," + good_call.substr(1))}),
        refused("1.1 MiB in a chunk",
                {"HTTP/1.1 200 OK\r\n" + json + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 chunked("{\"x\":\"" + std::string((1 << 20) + (1 << 17), 'x') + "\"," + good_call.substr(1))}),
        refused("1.1 MiB until the end", {"HTTP/1.1 200 OK\r\n" + json + "\r\n\r\n" + most + "         ", then::close}),
        nonsense("HTML", {message("200 OK\r\nContent-Type: text/html", "<html>maintenance</html>")}),
        nonsense("HTML that claims to be JSON", {body("<html>maintenance</html>")}),
    };
}

std::vector<hostile_answer> fields_handed_on()
{
    return {
        served("Set-Cookie", {with("Set-Cookie: a=b\r\nSet-Cookie: c=d")}),
        served(
            "fields of one connection",
            {with(
                "Connection: proxy-evil, x\r\nProxy-Evil: 1\r\nKeep-Alive: timeout=5\r\nTrailer: x\r\nUpgrade: h2c")}),
        served("Connection without an end", {with("Connection: " + std::string(60'000, ','))}),
        served("an ETag of one connection alone", {with("Connection: etag\r\nETag: \"x\"")}),
        served("malformed ETags", {with("ETag: x\"\r\nETag: W/\"\"\r\nETag:")}),
        served("a Date that is none", {with("Date: yesterday")}),
        served("a Date of another age", {with("Date: Thu, 01 Jan 1970 00:00:00 GMT")}),
        served("an Age of a minute", {with("Age: 60")}),
        served("a negative Age", {with("Age: -1\r\nAge: x")}),
        served("no-store", {with("Cache-Control: no-store, private, max-age=0\r\nPragma: no-cache\r\nExpires: 0")}),
        served("Vary: *", {with("Vary: *\r\nContent-Location: /evil\r\nContent-Range: bytes 0-1/2")}),
        served("Retry-After on a 200", {with("Retry-After: 99999")}),
        served("x-ratelimit-remaining that is no number", {with("x-ratelimit-remaining: \"\\evil\xff")}),
        served("a Cache-Status that lies", {with("Warning: 110 - \"x\"\r\nVia: 1.0 x")}),
    };
}

std::vector<hostile_answer> statuses()
{
    auto error = [](const std::string& head) { return message(head + "\r\n" + json, errors); };
    const std::string found = "302 Found\r\nLocation: https://us-1.api.gong.example/v2/calls/1";
    hostile_answer missing{"404 in the vendor's shape", {error("404 Not Found")}, 404, line::goes_on, true, true};
    return {
        nonsense("201", {message("201 Created\r\n" + json)}),
        nonsense("202", {message("202 Accepted\r\n" + json)}),
        nonsense("203", {message("203 Non-Authoritative Information\r\n" + json)}),
        refused("204", {"HTTP/1.1 204 No Content\r\n\r\n"}),
        refused("204 with a length", {"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil"}),
        refused("204 with an answer behind it", {"HTTP/1.1 204 No Content\r\n\r\n" + body(good_call)}),
        nonsense("205", {message("205 Reset Content", "")}),
        nonsense("206, a part",
                 {message("206 Partial Content\r\nContent-Range: bytes 0-9/58\r\n" + json, good_call.substr(0, 10))}),
        nonsense("206, all of it", {message("206 Partial Content\r\nContent-Range: bytes 0-57/58\r\n" + json)}),
        nonsense("207", {message("207 Multi-Status\r\n" + json)}),
        nonsense("299", {message("299 Evil\r\n" + json)}),
        refused("304, as nothing was asked on a condition", {"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"}),
        refused("304 with a length, and no body", {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}),
        refused("304 with a body", {message("304 Not Modified", "evil")}),
        handed_on("300", {message("300 Multiple Choices", "")}, 300),
        handed_on("301", {message("301 Moved Permanently\r\nLocation: /v2/calls/1", "")}, 301),
        nonsense("302 elsewhere is not followed", {message(found, "")}),
        nonsense("302 elsewhere with a call", {message(found + "\r\n" + json)}),
        handed_on("302 to itself", {message("302 Found\r\nLocation: /v2/calls/" + asked_id, "")}, 302),
        handed_on("302 without Location", {message("302 Found", "")}, 302),
        handed_on("302 with two Locations", {message("302 Found\r\nLocation: a\r\nLocation: b", "")}, 302),
        handed_on("307 to another scheme", {message("307 Temporary Redirect\r\nLocation: file:///etc/passwd", "")},
                  307),
        nonsense("308 to another host without a scheme", {message("308 Permanent Redirect\r\nLocation: //x", "")}),
        handed_on("308 to a path", {message("308 Permanent Redirect\r\nLocation: ../x//y", "")}, 308),
        handed_on("302 until the end", {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", then::close}, 302, line::ends),
        handed_on("400", {error("400 Bad Request")}, 400),
        handed_on("403", {error("403 Forbidden")}, 403),
        nonsense("403 of somebody on the way", {message("403 Forbidden\r\nContent-Type: text/html", "<html>")}),
        nonsense("403 of a gateway, in JSON", {message("403 Forbidden\r\n" + json, R"({"message":"no"})")}),
        missing,
        nonsense("404 in HTML", {message("404 Not Found\r\nContent-Type: text/html", "<html>")}),
        nonsense("404 of a gateway, in JSON",
                 {message("404 Not Found\r\n" + json, R"({"message":"no Route matched"})")}),
        nonsense("404 that claims to be JSON", {message("404 Not Found\r\n" + json, "<html>")}),
        nonsense("404 without a body", {message("404 Not Found\r\n" + json, "")}),
        nonsense("404 with a list", {message("404 Not Found\r\n" + json, "[]")}),
        nonsense("404 and a text too many", {message("404 Not Found\r\n" + json, errors + errors)}),
        nonsense("404, coded", {message("404 Not Found\r\n" + json + "\r\nContent-Encoding: gzip", "\x1f\x8b")}),
        nonsense(
            "404, coded on a second line",
            {message("404 Not Found\r\n" + json + "\r\nContent-Encoding: identity\r\nContent-Encoding: gzip", errors)}),
        nonsense("404 of two types", {message("404 Not Found\r\n" + json + "\r\nContent-Type: text/html", errors)}),
        refused("404 of more than a megabyte", {message("404 Not Found\r\n" + json, std::string((1 << 20) + 1, ' '))}),
        refused("404 with half a body",
                {"HTTP/1.1 404 Not Found\r\n" + json + "\r\nContent-Length: 99\r\n\r\n" + errors, then::close}),
        nonsense("401 of somebody on the way", {message("401 Unauthorized\r\nContent-Type: text/html", "<html>")}),
        handed_on("405", {message("405 Method Not Allowed\r\nAllow:", "")}, 405),
        handed_on("407", {message("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic", "")}, 407),
        handed_on("408", {message("408 Request Timeout\r\nConnection: close", ""), then::close}, 408, line::ends),
        handed_on("410", {error("410 Gone")}, 410),
        handed_on("416", {message("416 Range Not Satisfiable\r\nContent-Range: bytes */58", "")}, 416),
        handed_on("418", {message("418 I'm a teapot", "")}, 418),
        handed_on("451", {message("451 Unavailable For Legal Reasons", "")}, 451),
        handed_on("499", {message("499 Evil", "")}, 499),
        handed_on("500", {error("500 Internal Server Error")}, 500),
        handed_on("500 with a call", {message("500 Internal Server Error\r\n" + json)}, 500),
        handed_on("500 in HTML", {message("500 Internal Server Error\r\nContent-Type: text/html", "<html>")}, 500),
        handed_on("502 with nothing", {message("502 Bad Gateway", "")}, 502),
        handed_on("503 with Retry-After", {message("503 Service Unavailable\r\nRetry-After: 99999999", "")}, 503),
        handed_on("504", {message("504 Gateway Timeout", "")}, 504),
        handed_on("511", {message("511 Network Authentication Required", "<html>")}, 511),
        handed_on("599", {message("599 Evil", "")}, 599),
    };
}

// After these the vendor is not asked for a while.
std::vector<hostile_answer> refusals()
{
    auto later = [](std::string name, std::string script, unsigned status) {
        return hostile_answer{std::move(name), {std::move(script)},      status, line::goes_on, false,
                              status == 401,   std::chrono::seconds(100)};
    };
    return {
        later("401", message("401 Unauthorized\r\n" + json, errors), 401),
        later("401 with a call", message("401 Unauthorized\r\n" + json), 401),
        later("401 with Retry-After", message("401 Unauthorized\r\nRetry-After: 99999", ""), 401),
        // Those who wait are told by callcache itself.
        later("429", message("429 Too Many Requests\r\nRetry-After: 90\r\n" + json, errors), 429),
        later("429 with a call", message("429 Too Many Requests\r\nRetry-After: 90\r\n" + json), 429),
        later("429, coded and cut off",
              message("429 Too Many Requests\r\nRetry-After: 90\r\nContent-Encoding: gzip", "\x1f\x8b"), 429),
        later("429 in HTML", message("429 Too Many Requests\r\nRetry-After: 90", "<html>"), 429),
    };
}

}  // namespace

TEST_SUITE_BEGIN("scenario: a hostile upstream");

TEST_CASE("answers: only JSON that is not coded is read")
{
    harness w;
    check_all(w, types());
}

TEST_CASE("answers: a body that is not the call is not handed on")
{
    harness w;
    check_all(w, bodies());
}

TEST_CASE("answers: odd fields beside a good call do no harm")
{
    harness w;
    check_all(w, fields_handed_on());
}

TEST_CASE("answers: other statuses are the tool's to understand, or nonsense")
{
    harness w;
    check_all(w, statuses());
}

TEST_CASE("answers: after a 401 or a 429 with an odd body the next is answered in time")
{
    harness w;
    check_all(w, refusals());
}

TEST_SUITE_END();
