#include "server/secrets/identity.hpp"

#include <doctest/doctest.h>

#include <set>
#include <utility>

using namespace callcache;

TEST_CASE("identity: the scheme in lower case, the credential as it is")
{
    identity who = identity_of("BASIC  a2V5OnNlY3JldA==");
    CHECK(who.scheme == "basic");
    CHECK(who.credential == "a2V5OnNlY3JldA==");
    CHECK(identity_of("").scheme == "");
    CHECK(identity_of("").credential == "");
}

TEST_CASE("identity: without a scheme and a space the whole value counts, case included")
{
    for (const char* value : {"AbC", "aBc", "Basic\ta2V5OnNlY3JldA==", "basic\ta2V5OnNlY3JldA==", " Abc", "\"A\" b",
                              "A,b c", "A=1 b", "Key:Secret x", "B\xc3\xa4sic x"})
    {
        CAPTURE(value);
        identity who = identity_of(value);
        CHECK(who.scheme == "");
        CHECK(who.credential == value);
        CHECK(who.access_key == "");
    }
}

TEST_CASE("identity: no two values that a server may tell apart are the same credential")
{
    std::set<std::pair<std::string, std::string>> seen;
    for (const char* value : {"AbC", "aBc", "Basic x", "Basic\tx", "basic\tx", "Basic X", "Bearer x", "Basic x y",
                              "Basic x\ty", "Basicx", "basicx", "Basic", "basic", " x", "x", "Basic \tx"})
    {
        CAPTURE(value);
        identity who = identity_of(value);
        CHECK(seen.emplace(who.scheme, who.credential).second);
    }
    CHECK_FALSE(seen.emplace(identity_of("BASIC x").scheme, identity_of("BASIC x").credential).second);
    CHECK_FALSE(seen.emplace(identity_of("Basic   x").scheme, identity_of("Basic   x").credential).second);
}

TEST_CASE("identity: the access key is what stands before the first colon of Basic")
{
    auto key = [](const std::string& text) { return identity_of("Basic " + base64(text)).access_key; };
    CHECK(key("key:secret") == "key");
    CHECK(key("key:se:cret") == "key");
    CHECK(key("key:") == "key");
    CHECK(key("k:") == "k");
    CHECK(key(":secret") == "");
    CHECK(key("key") == "");
    CHECK(key("") == "");
    CHECK(key(std::string("ke\0y:secret", 11)) == std::string("ke\0y", 4));
}

TEST_CASE("identity: what others may read in another way than we has no access key")
{
    for (const char* authorization :
         {"Bearer a2V5OnNlY3JldA==", "Basic a2V5OnNlY3JldA", "Basic a2V5OnNlY3JldA=", "Basic a2V5OnNlY3JldA===",
          "Basic a2V5OnNlY3JldB==", "Basic a2V5OnNl Y3JldA==", "Basic a2V5OnNlY3JldA==, x=y",
          "Basic a2V5\tOnNlY3JldA==", "Basic a2V5OnNlY3JldA==\t",
          "Basic a2V5O*NlY3JldA==", "Basic ====", "Basic Ojo6================", "Basic :", "Basic"})
    {
        CAPTURE(authorization);
        CHECK(identity_of(authorization).access_key == "");
    }
    CHECK(identity_of("Basic a2V5OnNlY3JldA==").access_key == "key");
}
