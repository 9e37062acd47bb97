// The beginnings of the fuzz targets, and what they found, run through the same functions with every test.

#include "tests/fuzz/targets.hpp"

#include "server/secrets/whole_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace callcache;

namespace
{

void digest_all(const std::string& name, void (*target)(std::string_view))
{
    std::size_t files = 0;
    for (const auto& f :
         std::filesystem::directory_iterator(std::string(CALLCACHE_SOURCE "/tests/fuzz/corpus/") + name))
    {
        auto text = read_whole_file(f.path().string());
        REQUIRE(text);
        INFO(f.path().string());
        CHECK_NOTHROW(target(*text));
        ++files;
    }
    CHECK(files > 0);
    CHECK_NOTHROW(target(""));
}

}  // namespace

TEST_CASE("fuzz: the corpus of request is digested")
{
    digest_all("request", fuzz::request);
}

TEST_CASE("fuzz: the corpus of answer is digested")
{
    digest_all("answer", fuzz::answer);
}

TEST_CASE("fuzz: the corpus of config is digested")
{
    digest_all("config", fuzz::config);
}

TEST_CASE("fuzz: the corpus of clients is digested")
{
    digest_all("clients", fuzz::clients);
}

TEST_CASE("fuzz: the corpus of asked is digested")
{
    digest_all("asked", fuzz::asked);
}

TEST_CASE("fuzz: the corpus of slicer is digested")
{
    digest_all("slicer", fuzz::slicer);
}

TEST_CASE("fuzz: the corpus of scanner is digested")
{
    digest_all("scanner", fuzz::scanner);
}
