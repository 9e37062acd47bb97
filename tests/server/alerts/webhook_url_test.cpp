#include "server/alerts/webhook_url.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

std::string trouble(std::string_view line, const upstream_settings& s = {})
{
    auto read = parse_webhook(line, s);
    auto* text = std::get_if<std::string>(&read);
    return text ? *text : "";
}

}  // namespace

TEST_CASE("webhook url: the receiver, and what stands in the request line")
{
    struct
    {
        std::string_view line, receiver, target;
    } good[] = {
        {"https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com", "/services/T0/B0/x"},
        {"https://Chat.Example:8443/hooks/a?b=c", "https://chat.example:8443", "/hooks/a?b=c"},
        {"https://chat.example", "https://chat.example", "/"},
        {"https://chat.example?key=1", "https://chat.example", "/?key=1"},
        {"http://127.0.0.1:9000/x", "http://127.0.0.1:9000", "/x"},
        {"http://localhost/x", "http://localhost", "/x"},
        {"https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443", "/x"},
    };
    for (const auto& g : good)
    {
        CAPTURE(g.line);
        auto read = parse_webhook(g.line, {});
        REQUIRE(std::holds_alternative<webhook_url>(read));
        CHECK(std::get<webhook_url>(read).receiver.text() == g.receiver);
        CHECK(std::get<webhook_url>(read).target == g.target);
    }
}

TEST_CASE("webhook url: what is no URL is refused, and nothing of it is shown")
{
    for (std::string_view bad :
         {"", "s3cret", "https://", "ftp://s3cret/x", "https://s3cret@chat.example/x", "https://chat.example:0/x",
          "https://chat.example:99999/s3cret", "https://chat.example/s3 cret", "https://chat.example/s3cret#x",
          "https://chat.example/s3cret\"", "https://chat.example/s3\xc3\xa4", "//chat.example/x", "https:///x"})
    {
        CAPTURE(bad);
        CHECK(trouble(bad).starts_with("holds no URL such as "));
        CHECK(trouble(bad).find("s3") == std::string::npos);
    }
}

TEST_CASE("webhook url: alerts go unencrypted to this machine alone, unless that is allowed")
{
    CHECK(trouble("http://chat.example/x").starts_with("holds a URL that would send alerts unencrypted"));
    upstream_settings s;
    s.insecure = true;
    CHECK(trouble("http://chat.example/x", s) == "");
}

TEST_CASE("webhook url: upstream's own host and port are refused, however they are written")
{
    upstream_settings s;
    for (std::string_view bad :
         {"https://api.gong.io/x", "https://API.Gong.IO:443/v2/calls", "https://api.gong.io.", "https://api.gong.io?x"})
    {
        CAPTURE(bad);
        CHECK(trouble(bad, s).starts_with("holds a URL at upstream's own host and port (upstream.url)"));
    }
    CHECK(trouble("https://api.gong.io:8443/x", s) == "");
    CHECK(trouble("https://hooks.gong.io/x", s) == "");
    s.url = "http://127.0.0.1:9000";
    CHECK(trouble("http://127.0.0.1:9000/x", s).starts_with("holds a URL at upstream's own"));
    CHECK(trouble("http://127.0.0.1:9001/x", s) == "");
}
