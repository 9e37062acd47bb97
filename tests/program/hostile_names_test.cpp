// A User-Agent is a tool's name where it says no other, and so it stands in the log, in /stats, in the ledger and in
// answers. Whatever it holds, a line of the log stays one line and one record, and a terminal is not told anything.

#include "tests/support/json_object.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <regex>
#include <sstream>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string key = sim::basic("key", "secret");

const std::vector<std::string> hostile{
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "x\",\"level\":\"error\",\"msg\":\"forged",
    "x  status=500  outcome=\"forged\" tool=y",
    "back\\slash\\\"quote",
    "{\"a\":1}",
    "${jndi:ldap://x}",
    "%s%n{}{0}",
    "\xc2\x9b"
    "2Jc1-control",  // U+009B, which some terminals take for ESC [
    "\x9b"
    "2Jraw",  // the same in Latin-1
    "\xe2\x80\xae"
    "gnp.exe \xe2\x81\xa6"
    "x",                                      // text that runs from right to left from here on
    "\xe2\x80\xa8line\xe2\x80\xa9paragraph",  // separators that JavaScript takes for line ends
    "\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
    std::string(39, 'a') + "\xc3\xa9",  // a character where the name is cut
    std::string(300, 'b'),
};
// What HTTP allows in no field: they are refused, and never get as far as a name.
const std::vector<std::string> refused{"\x1b[2J", "a\x07", "\x7f", "line\nAuthorization: Basic eA=="};

// Printable, UTF-8, and nothing that a terminal or an editor acts upon.
bool is_readable(const std::string& line)
{
    std::string inside;
    for (unsigned char c : line)
    {
        if (c < ' ' || c == 127) return false;
        if (c == '"' || c == '\\') inside += '\\';
        inside += char(c);
    }
    for (const char* bytes : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\xa8", "\xe2\x80\xa9"})
        if (line.find(bytes) != std::string::npos) return false;
    return is_json_object("{\"x\":\"" + inside + "\"}");  // which is strict with UTF-8
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("a hostile User-Agent is harmless: in the log as text and as JSON, in /stats, in answers, after a restart")
{
    for (const std::string format : {"json", "text"})
    {
        INFO(format);
        temp_folder folder;
        sim::vendor_options o;
        o.keys[key] = {};
        o.limits = {0, 0};
        o.catalogue.not_found_every = 0;
        vendor_thread vendor(o);
        std::string said;
        for (const char* daily : {"10000", "1"})  // with the second everything is refused, in words that name the tool
        {
            serving p(vendor.url(), folder.file("cache.db"),
                      {"--set", "log.format=" + format, "--set", "log.level=debug", "--set", "log.access=all", "--set",
                       "budget.rate=1000", "--set", "budget.burst=1000", "--set", "budget.margin=0ms", "--set",
                       std::string("budget.daily=") + daily});
            REQUIRE(p.port != 0);
            std::uint64_t n = daily[1] ? 0 : 1000;
            for (const std::string& name : hostile)
            {
                INFO(name);
                auto a = plain_client(p.port).get("/v2/calls/" + vendor.catalogue().id(n++), key,
                                                  "User-Agent: " + name + "\r\n");
                CHECK(a.status == (daily[1] ? 200 : 429));
                for (const std::string& line : lines_of(a.head)) CHECK(is_readable(line.substr(0, line.size() - 1)));
                CHECK(is_json_object(a.body));
            }
            for (const std::string& name : refused)
                CHECK(plain_client(p.port).get("/v2/calls/1", key, "User-Agent: " + name + "\r\n").status == 400);
            for (const char* tool : {"/@<b>/", "/@a%22/", "/@\"/", "/@a%0a/", "/@/", "/@a b/"})
                CHECK(plain_client(p.port).get(std::string(tool) + "v2/calls/1", key).status == 400);
            std::string stats = plain_client(p.admin_port).get("/stats", "").body;
            CHECK(is_json_object(stats));
            CHECK(is_readable(stats.substr(0, stats.size() - 1)));
            CHECK(stats.find('<') == std::string::npos);  // so that it may stand in a page
            p.process.signal(SIGTERM);
            CHECK(p.process.wait() == 0);
            said += p.process.output();
        }
        std::size_t records = 0;
        for (const std::string& line : lines_of(said))
        {
            INFO(line);
            ++records;
            CHECK(is_readable(line));
            if (format == "json") CHECK(is_json_object(line));
        }
        CHECK(records > 2 * hostile.size());
        // No value becomes a field of its own: in text it stands between quotes.
        static const std::regex between_quotes("\"(?:[^\"\\\\]|\\\\.)*\"");
        if (format == "text") said = std::regex_replace(said, between_quotes, "");
        CHECK(said.find(format == "json" ? "\"msg\":\"forged" : "  status=500") == std::string::npos);
    }
}

TEST_SUITE_END();
