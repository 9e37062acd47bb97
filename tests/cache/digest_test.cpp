#include "cache/digest.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("digest: SHA-256 and HMAC-SHA-256 are the standard's")
{
    CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231, test case 2
    CHECK(hex(hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("digest: hex shows as many bytes as were asked for")
{
    CHECK(hex(sha256("abc"), 4) == "ba7816bf");
    CHECK(hex(sha256("abc"), 0).empty());
}
