#include "server/secrets/credential.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;

namespace
{

injected_credential injected(credentials_settings s)
{
    s.mode = credentials_mode::inject;
    return std::get<injected_credential>(read_injected(s));
}

// Scheme and credential, which what is kept is kept under.
std::string kept_under(const credentials_settings& s)
{
    identity who = injected(s).who;
    return who.scheme + " " + who.credential;
}

}  // namespace

TEST_CASE("credential: blanks around a secret of the environment do not belong to it")
{
    CHECK(injected({.access_key = " key ", .access_key_secret = "secret\t"}).authorization ==
          "Basic " + base64("key:secret"));
}

TEST_CASE("credential: what is kept is kept under the access key or the token's file, and not under what changes")
{
    test::temp_folder folder;
    const std::string file = folder.file("token");
    std::ofstream(file) << "one";
    const credentials_settings by_file{.bearer_token_file = file};
    const std::string before = kept_under(by_file);
    std::ofstream(file, std::ios::trunc) << "two";
    CHECK(injected(by_file).authorization == "Bearer two");
    CHECK(kept_under(by_file) == before);
    CHECK(before == "inject-bearer-file " + file);

    CHECK(kept_under({.access_key = "k", .access_key_secret = "1"}) ==
          kept_under({.access_key = "k", .access_key_secret = "2"}));
    CHECK(kept_under({.access_key = "k", .access_key_secret = "1"}) !=
          kept_under({.access_key = "j", .access_key_secret = "1"}));
    CHECK(kept_under({.bearer_token = "one"}) != kept_under({.bearer_token = "two"}));
}

TEST_CASE("credential: with a name what is kept stays, whichever key or token is in use, and the key is still known")
{
    const credentials_settings basic{.access_key = "k", .access_key_secret = "s", .name = "gong"};
    CHECK(kept_under(basic) == "inject-name gong");
    CHECK(kept_under({.bearer_token = "t", .name = "gong"}) == kept_under(basic));
    CHECK(kept_under({.bearer_token = "t", .name = "other"}) != kept_under(basic));
    CHECK(injected(basic).who.access_key == "k");
    CHECK(injected(basic).authorization == "Basic " + base64("k:s"));
}
