#include "server/admin/access.hpp"

#include "server/secrets/identity.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const std::string text = "0123456789abcdef-operator";
const std::vector<std::string> loopback{"localhost:4665", "127.0.0.1:4666", "[::1]:4667"}, beyond{"0.0.0.0:4665"},
    no_hosts;

admin_token token_of(std::string_view t)
{
    auto read = admin_token::of(t);
    REQUIRE(std::holds_alternative<admin_token>(read));
    return std::get<admin_token>(read);
}

request get(std::string_view authorization = {})
{
    request r;
    r.method = "GET";
    r.target = "/stats";
    r.host = "localhost:4665";
    r.authorization = authorization;
    r.has_authorization = !authorization.empty();
    return r;
}

unsigned status(const std::optional<reply>& refused)
{
    return refused ? refused->status : 200;
}

}  // namespace

TEST_CASE("admin token: shown as Bearer, or as Basic with any name")
{
    admin_token t = token_of(text);
    CHECK(t.is_shown_by("Bearer " + text));
    CHECK(t.is_shown_by("bearer  " + text));
    CHECK(t.is_shown_by("Basic " + base64("operator:" + text)));
    CHECK(t.is_shown_by("Basic " + base64(":" + text)));
    CHECK(token_of("with:colons:in:it:").is_shown_by("Basic " + base64("me:with:colons:in:it:")));
}

TEST_CASE("admin token: nothing else is one")
{
    admin_token t = token_of(text);
    for (const std::string& wrong :
         {std::string(), std::string("Bearer"), std::string("Bearer "), "Bearer " + text + "x",
          "Bearer " + text.substr(1), text, "Token " + text, "Basic " + text, "Basic " + base64(text),
          "Basic " + base64(text + ":"), "Basic " + base64("operator:" + text + " "), "Basic " + base64(text + ":x"),
          "Basic =" + base64(":" + text), std::string("Basic ===="), std::string("Basic \x80\x80\x80\x80")})
    {
        CAPTURE(wrong);
        CHECK_FALSE(t.is_shown_by(wrong));
    }
}

TEST_CASE("admin token: one that is too short or holds more than a word is refused, and not shown")
{
    for (std::string_view bad : {"", "short-secret", "a secret with spaces in it", "secret-secret-secret-\x01"})
    {
        CAPTURE(bad);
        auto read = admin_token::of(bad);
        REQUIRE(std::holds_alternative<std::string>(read));
        CHECK(std::get<std::string>(read).find("secret") == std::string::npos);
        CHECK(std::get<std::string>(read).find("at least 16 characters") != std::string::npos);
    }
}

TEST_CASE("base64: what was encoded is decoded, and what nobody encodes is nothing")
{
    for (const std::string& t : {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
                                 std::string("\0\xff\0", 3), std::string("ab\0", 3)})
        CHECK(from_base64(base64(t)) == t);
    for (std::string_view bad : {"a", "ab", "abc", "ab=c=", "YQ== ", " YQ==", "!!!!", "YQ==\n"})
    {
        CAPTURE(bad);
        CHECK(from_base64(bad) == std::nullopt);
    }
}

TEST_CASE("admin access: free on loopback, by the token beyond it, and not at all while there is none")
{
    admin_token t = token_of(text);
    std::string good = "Bearer " + text, wrong = "Bearer " + text + "x";
    CHECK(status(refuse_stranger(get(), loopback, nullptr, no_hosts)) == 200);
    CHECK(status(refuse_stranger(get(wrong), loopback, &t, no_hosts)) == 200);
    auto none = refuse_stranger(get(good), beyond, nullptr, no_hosts);
    CHECK(status(none) == 403);
    CHECK(none->body.find("server.admin_token_file") != std::string::npos);
    CHECK(status(refuse_stranger(get(good), beyond, &t, no_hosts)) == 200);
    for (const std::string& stranger : {std::string(), wrong})
    {
        auto refused = refuse_stranger(get(stranger), beyond, &t, no_hosts);
        CHECK(status(refused) == 401);
        CHECK(*refused->find("www-authenticate") == "Basic realm=\"callcache\"");
    }
    // One address of several is enough to be reached.
    std::vector<std::string> both{"localhost:4665", "10.0.0.7:4665"};
    CHECK(status(refuse_stranger(get(), both, &t, no_hosts)) == 401);
}

TEST_CASE("admin access: no web page and no foreign name, whatever it shows")
{
    admin_token t = token_of(text);
    std::string good = "Bearer " + text;
    request foreign = get(good), page = get(good);
    foreign.host = "callcache:4665";
    page.origin = "https://example.com";
    for (const auto* addresses : {&loopback, &beyond})
    {
        CHECK(status(refuse_stranger(foreign, *addresses, &t, no_hosts)) == 421);
        CHECK(status(refuse_stranger(page, *addresses, &t, no_hosts)) == 403);
    }
    CHECK(status(refuse_stranger(foreign, beyond, &t, {"callcache"})) == 200);
}

TEST_CASE("admin access: callcache's own page needs the token where everybody does")
{
    admin_token t = token_of(text);
    std::string good = "Basic " + base64(":" + text);
    request page = get();
    page.sec_fetch_site = "same-origin";
    page.origin = "http://localhost:4665";
    CHECK(status(refuse_stranger(page, loopback, nullptr, no_hosts)) == 200);
    CHECK(status(refuse_stranger(page, beyond, &t, no_hosts)) == 401);
    page.authorization = good;
    page.has_authorization = true;
    CHECK(status(refuse_stranger(page, beyond, &t, no_hosts)) == 200);
}

TEST_CASE("access: an admin address beyond loopback that no token opens is warned of")
{
    auto warned = [](const std::vector<std::string>& admin, const char* token_file = "") {
        server_settings s;
        s.admin = admin;
        s.admin_token_file = token_file;
        return admin_warning(s).has_value();
    };
    CHECK(warned(beyond));
    CHECK(warned({"localhost:4665", "10.0.0.1:4665"}));
    CHECK_FALSE(warned(beyond, "token"));
    CHECK_FALSE(warned(loopback));
    CHECK_FALSE(warned({}));
}
