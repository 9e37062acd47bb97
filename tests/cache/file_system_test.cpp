#include "cache/file_system.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;
using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

struct tree
{
    tree()
    {
        for (const char* name : {"a", "b", "b/deep"}) fs::create_directory(top / name);
        std::ofstream(top / "b/file") << "x";
    }
    void link(const std::string& name, const std::string& to) const { fs::create_symlink(to, top / name); }
    std::string end_of(const std::string& name) const
    {
        return fs::path(follow_links((top / name).string()).end).lexically_relative(top).string();
    }

    temp_folder folder;
    fs::path top = fs::canonical(folder.path());
};

}  // namespace

TEST_CASE("links: a path leads to where its links lead, through folders and over several of them")
{
    tree t;
    t.link("a/near", "../b/file");
    t.link("a/far", (t.top / "a/near").string());
    t.link("folder", "b");
    t.link("a/deep", "../folder/deep");
    CHECK(t.end_of("b/file") == "b/file");
    CHECK(t.end_of("a/far") == "b/file");
    CHECK(t.end_of("folder/file") == "b/file");
    CHECK(t.end_of("a/./../a//near") == "b/file");
    CHECK(t.end_of("a/deep/..") == "b");  // of what the link leads to, as the kernel has it
    link_trail trail = follow_links((t.top / "a/far").string());
    CHECK(trail.folders == std::vector<std::string>{(t.top / "a").string(), (t.top / "a").string()});
    CHECK_FALSE(trail.is_circle);
}

TEST_CASE("links: one that leads to nothing leads to the place where that would be")
{
    tree t;
    t.link("a/dangling", "../b/none");
    t.link("a/away", "../none/none");
    CHECK(t.end_of("a/dangling") == "b/none");
    CHECK(t.end_of("a/away") == "none/none");
    CHECK(t.end_of("a/none") == "a/none");
}

TEST_CASE("links: a circle has no end")
{
    tree t;
    t.link("a/one", "two");
    t.link("a/two", "one");
    t.link("self", "self");
    for (const char* name : {"a/one", "self", "self/file"}) CHECK(follow_links((t.top / name).string()).is_circle);
    std::string last = "b/file";
    for (int i = 0; i < 40; ++i)
    {
        t.link("n" + std::to_string(i), last);
        last = "n" + std::to_string(i);
    }
    CHECK(t.end_of(last) == "b/file");
}

TEST_CASE("links: a relative path is one of the working folder")
{
    CHECK(follow_links("callcache-none.db").end == (fs::canonical(fs::current_path()) / "callcache-none.db").string());
}
