#include "cache/file_lock.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace callcache;
using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

file_lock taken(const std::string& path)
{
    auto lock = file_lock::take(path, "process 1");
    REQUIRE(std::holds_alternative<file_lock>(lock));
    return std::move(std::get<file_lock>(lock));
}

}  // namespace

TEST_CASE("lock: one at a time, and the second is told who has it")
{
    temp_folder folder;
    const std::string path = folder.file("lock");
    {
        file_lock mine = taken(path);
        auto other = file_lock::take(path, "process 2");
        REQUIRE(std::holds_alternative<file_lock::held>(other));
        CHECK(std::get<file_lock::held>(other).by == "process 1");
        file_lock moved = std::move(mine);
        CHECK(std::holds_alternative<file_lock::held>(file_lock::take(path, "process 2")));
        CHECK(moved.path() == path);
        CHECK_FALSE(moved.is_lost());
    }
    taken(path);
    CHECK(std::get<file_lock::unavailable>(file_lock::take(folder.file("none/lock"), "")).why ==
          "No such file or directory");
}

TEST_CASE("lock: it is lost when its path surely leads to another file, or to none")
{
    temp_folder folder;
    const std::string sub = folder.file("sub"), path = folder.file("sub/lock");
    fs::create_directory(sub);
    file_lock lock = taken(path);
    CHECK_FALSE(lock.is_lost());
    SUBCASE("it was removed")
    {
        fs::remove(path);
    }
    SUBCASE("another is there")
    {
        fs::rename(path, path + "-old");
        std::ofstream(path) << "process 1";
    }
    SUBCASE("its folder is another")
    {
        fs::rename(sub, folder.file("old"));
        fs::create_directory(sub);
    }
    SUBCASE("its folder is a file")
    {
        fs::rename(sub, folder.file("old"));
        std::ofstream(sub) << "x";
    }
    CHECK(lock.is_lost());
}

TEST_CASE("lock: what cannot be looked at is not lost, nor what has another name too")
{
    temp_folder folder;
    const std::string sub = folder.file("sub"), path = folder.file("sub/lock");
    fs::create_directory(sub);
    file_lock lock = taken(path);
    SUBCASE("another name")
    {
        fs::create_hard_link(path, path + "-too");
        std::ofstream(path, std::ios::app) << "more";
    }
    SUBCASE("the way there is a circle")
    {
        fs::rename(sub, folder.file("old"));
        fs::create_symlink(sub, sub);
    }
    CHECK_FALSE(lock.is_lost());
}
