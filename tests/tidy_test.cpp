// The house rules that a machine can check.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace
{

const fs::path root = CALLCACHE_SOURCE;

std::string text_of(const fs::path& p)
{
    std::ostringstream text;
    text << std::ifstream(p).rdbuf();
    return text.str();
}

// Every source file below the folders, by its path from the root.
std::map<std::string, std::string> sources(const std::vector<std::string>& folders)
{
    std::map<std::string, std::string> found;
    for (const std::string& folder : folders)
        for (const auto& f : fs::recursive_directory_iterator(root / folder))
            if (f.path().extension() == ".cpp" || f.path().extension() == ".hpp")
                found[fs::relative(f.path(), root).string()] = text_of(f.path());
    return found;
}

// The sources of a CMake target.
std::set<std::string> target(const std::string& name)
{
    std::string text = text_of(root / "CMakeLists.txt");
    std::smatch found;
    std::regex pattern("add_(?:library|executable)\\(" + name + "(?: STATIC)?([^)]*)\\)");
    REQUIRE(std::regex_search(text, found, pattern));
    std::istringstream words(found[1].str());
    std::set<std::string> files;
    for (std::string w; words >> w;) files.insert(w);
    return files;
}

std::vector<std::string> includes(const std::string& text)
{
    static const std::regex pattern("#include [<\"]([^>\"]+)[>\"]");
    std::vector<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) found.push_back((*at)[1]);
    return found;
}

std::string source_of(std::string header)
{
    return header.substr(0, header.rfind('.')) + ".cpp";
}

const std::vector<std::string> product{"cache", "config", "server"};

}  // namespace

TEST_CASE("tidy: includes point inwards alone: core, store, net, proxy")
{
    auto all = sources(product);
    const std::vector<std::string> rings{"core", "store", "net", "proxy", "callcache"};
    std::map<std::string, std::size_t> ring;
    for (std::size_t i = 0; i < rings.size(); ++i)
        for (const std::string& file : target(rings[i])) ring[file] = i;
    // A header belongs to its source's ring; one without a source to the ring of the innermost file that includes it.
    for (const auto& [file, text] : all)
        if (file.ends_with(".cpp") && !ring.contains(file)) FAIL_CHECK(file, " is in no target");
    for (bool changed = true; changed;)
    {
        changed = false;
        for (const auto& [file, text] : all)
        {
            std::string self = file.ends_with(".hpp") && ring.contains(source_of(file)) ? source_of(file) : file;
            if (!ring.contains(self)) continue;
            for (const std::string& i : includes(text))
            {
                if (!all.contains(i)) continue;
                if (ring.contains(source_of(i)))
                {
                    INFO(file, " includes ", i);
                    CHECK(ring[source_of(i)] <= ring[self]);
                }
                else if (!ring.contains(i) || ring[i] > ring[self])
                {
                    ring[i] = ring[self];
                    changed = true;
                }
            }
        }
    }
    for (const auto& [file, text] : all)
    {
        std::string self = ring.contains(source_of(file)) ? source_of(file) : file;
        if (!ring.contains(self)) continue;
        for (const std::string& i : includes(text))
        {
            INFO(file, " includes ", i);
            if (ring[self] == 0)
                CHECK_FALSE(((i.starts_with("boost/") && !i.starts_with("boost/unordered/")) || i == "sqlite3.h" ||
                             i.starts_with("sys/") || i == "unistd.h"));
            if (ring[self] >= 2) CHECK(i != "sqlite3.h");
        }
    }
}

TEST_CASE("tidy: clocks and the environment are read in their rooms alone")
{
    const std::regex clock("_clock::now\\(|\\btime\\(nullptr\\)|gettimeofday|clock_gettime");
    for (const auto& [file, text] : sources(product))
    {
        INFO(file);
        if (file != "server/async/system_clock.hpp") CHECK_FALSE(std::regex_search(text, clock));
        if (file != "server/commands/main.cpp") CHECK(text.find("getenv") == std::string::npos);
        if (file != "server/commands/main.cpp") CHECK(text.find("environ;") == std::string::npos);
    }
}

TEST_CASE("tidy: nothing sleeps, and Beast and Asio are included by their narrow headers")
{
    for (const auto& [file, text] : sources({"cache", "config", "server", "tests"}))
    {
        if (file == "tests/tidy_test.cpp") continue;
        INFO(file);
        for (const char* sleeping : {"sleep_for", "usleep(", "nanosleep"})
            CHECK(text.find(sleeping) == std::string::npos);
        for (const char* wide :
             {"<boost/beast.hpp>", "<boost/asio.hpp>", "<boost/beast/http.hpp>", "<boost/asio/ssl.hpp>"})
            CHECK(text.find(wide) == std::string::npos);
    }
}

TEST_CASE("tidy: every header is included by somebody, and every header is included once")
{
    auto all = sources({"cache", "config", "server", "tests"});
    std::set<std::string> used;
    for (const auto& [file, text] : all)
        for (const std::string& i : includes(text)) used.insert(i);
    for (const auto& [file, text] : all)
    {
        if (!file.ends_with(".hpp")) continue;
        INFO(file);
        CHECK(used.contains(file));
        CHECK(text.find("#pragma once") != std::string::npos);
    }
}

TEST_CASE("tidy: files stay of a size that can be read in one go")
{
    for (const auto& [file, text] : sources(product))
    {
        auto lines = std::count(text.begin(), text.end(), '\n');
        INFO(file, ": ", lines, " lines");
        CHECK(lines <= (file.ends_with(".hpp") ? 150 : 480));
    }
}

TEST_CASE("tidy: every key of the configuration is known to somebody outside config/")
{
    std::string all;
    for (const auto& [file, text] : sources({"cache", "server"})) all += text;
    all += text_of(root / "config/load.cpp");  // keys that only allow others
    std::string settings = text_of(root / "config/settings.hpp") + text_of(root / "config/budget_settings.hpp");
    const std::regex member("\\n    [a-z_:<>0-9]+(?:<std::[^;]*>)? ([a-z_]+)(?: = |\\{|;|,)");
    for (std::sregex_iterator at(settings.begin(), settings.end(), member), end; at != end; ++at)
    {
        std::string name = (*at)[1];
        INFO(name);
        CHECK(std::regex_search(all, std::regex("\\b" + name + "\\b")));
    }
}
