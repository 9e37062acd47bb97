#include "cache/data_files.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

struct paths
{
    temp_folder folder;
    fs::path top = fs::canonical(folder.path());
    settings config;

    std::string path(const std::string& name) const { return (top / name).string(); }
    data_files found() const
    {
        auto f = find_data_files(config);
        auto* trouble = std::get_if<std::string>(&f);
        if (trouble) FAIL(*trouble);
        return std::get<data_files>(f);
    }
    std::string trouble() const
    {
        auto f = find_data_files(config);
        auto* why = std::get_if<std::string>(&f);
        return why ? *why : "";
    }
};

}  // namespace

TEST_CASE("data files: a link and its file are one database with one ledger, also where the file is not there yet")
{
    paths p;
    fs::create_directory(p.top / "disk");
    fs::create_symlink("disk/real.db", p.top / "link.db");
    for (bool exists : {false, true})
    {
        CAPTURE(exists);
        if (exists) std::ofstream(p.path("disk/real.db")) << "x";
        for (const char* name : {"link.db", "disk/real.db", "disk/../link.db"})
        {
            p.config.cache.path = p.path(name);
            CHECK(p.found().cache == p.path("disk/real.db"));
            CHECK(p.found().ledger == p.path("disk/real.db-budget"));
        }
    }
    fs::create_symlink("book", p.top / "disk/real.db-budget");
    CHECK(p.found().ledger == p.path("disk/book"));
    fs::create_symlink("disk/book", p.top / "book");
    p.config.budget.path = p.path("book");
    CHECK(p.found().ledger == p.path("disk/book"));
}

TEST_CASE("data files: in memory both are, unless the ledger has a file of its own")
{
    paths p;
    p.config.cache.path = in_memory;
    CHECK(p.found().cache == in_memory);
    CHECK(p.found().ledger == in_memory);
    p.config.budget.path = p.path("book");
    CHECK(p.found().ledger == p.path("book"));
    p.config.cache.path = p.path("db");
    p.config.budget.path = in_memory;
    CHECK(p.found().ledger == in_memory);
}

TEST_CASE("data files: a circle of links is refused, and names the key")
{
    paths p;
    fs::create_symlink("circle", p.top / "circle");
    p.config.cache.path = p.path("circle");
    CHECK(p.trouble().starts_with("cache.path: " + p.path("circle") + " is a symbolic link"));
    p.config.cache.path = p.path("db");
    p.config.budget.path = p.path("circle");
    CHECK(p.trouble().starts_with("budget.path: " + p.path("circle") + " is a symbolic link"));
}

TEST_CASE("data files: a ledger that is the database by another name is refused")
{
    paths p;
    std::ofstream(p.path("db")) << "x";
    fs::create_symlink("db", p.top / "link");
    fs::create_hard_link(p.path("db"), p.path("name"));
    p.config.cache.path = p.path("db");
    for (const char* name : {"db", "link", "name", "./db"})
    {
        CAPTURE(name);
        p.config.budget.path = p.path(name);
        CHECK(p.trouble() == "budget.path: " + p.path(name) + " is the same file as cache.path");
    }
    fs::remove(p.path("db"));
    fs::remove(p.path("name"));
    p.config.budget.path = p.path("link");
    CHECK(p.trouble().ends_with("is the same file as cache.path"));
}
