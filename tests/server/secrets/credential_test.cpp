#include "server/secrets/credential.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

injected_credential injected(credentials_settings s)
{
    s.mode = credentials_mode::inject;
    return std::get<injected_credential>(read_injected(s));
}

}  // namespace

TEST_CASE("credential: blanks around a secret of the environment do not belong to it")
{
    CHECK(injected({.access_key = " key ", .access_key_secret = "secret\t"}).authorization ==
          "Basic " + base64("key:secret"));
}
