// The house rules that a machine can check.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
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

// Which folders the files of a folder may include, beside their own; and what those may include, they may too.
// server/version.hpp counts as a folder, as it is what the build knows and not what the composition root does.
struct row
{
    std::string folder;
    std::vector<std::string> stands_on;
};
const std::vector<row> order{
    {"config", {}},
    {"cache", {"config"}},
    {"server/version.hpp", {}},
    {"server/text", {"cache"}},
    {"server/async", {"cache"}},
    {"server/secrets", {"cache", "server/text"}},
    {"server/sandbox", {"cache"}},
    {"server/http", {"cache", "server/text"}},
    {"server/telemetry", {"server/http", "server/async"}},
    {"server/upstream", {"server/http", "server/async", "server/secrets", "server/version.hpp"}},
    {"server/budget", {"server/http", "server/async"}},
    {"server/fetch", {"server/budget", "server/upstream", "server/telemetry"}},
    {"server/alerts", {"server/fetch", "server/secrets"}},
    {"server/front", {"server/fetch", "server/secrets"}},
    {"server/admin", {"server/front", "server/alerts"}},
    {"server", {"server/admin", "server/sandbox"}},  // the composition root
    {"server/commands", {"server"}},
};

std::string folder_of(const std::string& file)
{
    return file == "server/version.hpp" ? file : fs::path(file).parent_path().string();
}

// All that the files of a folder may include. A row that stands on a later one throws.
std::map<std::string, std::set<std::string>> reach_of(const std::vector<row>& rows)
{
    std::map<std::string, std::set<std::string>> reach;
    for (const row& r : rows)
    {
        std::set<std::string> all{r.folder};
        for (const std::string& below : r.stands_on) all.insert(reach.at(below).begin(), reach.at(below).end());
        reach[r.folder] = std::move(all);
    }
    return reach;
}

using inclusion = std::pair<std::string, std::string>;  // a file, and the file that it includes

// The inclusions that run against the order, or from or to a folder that is in no row.
std::vector<inclusion> against_the_order(const std::vector<inclusion>& all)
{
    auto reach = reach_of(order);
    std::vector<inclusion> wrong;
    for (const inclusion& i : all)
    {
        auto may = reach.find(folder_of(i.first));
        if (may == reach.end() || !may->second.contains(folder_of(i.second))) wrong.push_back(i);
    }
    return wrong;
}

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

TEST_CASE("tidy: no include runs against the order of the folders")
{
    auto all = sources(product);
    std::vector<inclusion> inclusions;
    for (const auto& [file, text] : all)
        for (const std::string& i : includes(text))
            if (all.contains(i)) inclusions.emplace_back(file, i);
    CHECK(inclusions.size() > all.size());
    for (const auto& [file, included] : against_the_order(inclusions)) FAIL_CHECK(file, " includes ", included);
}

TEST_CASE("tidy: an include against the order of the folders is found, and one along it is not")
{
    const std::vector<inclusion> along{
        {"server/fetch/a.cpp", "server/fetch/b.hpp"},    {"server/fetch/a.cpp", "server/budget/b.hpp"},
        {"server/front/a.hpp", "config/b.hpp"},          {"server/upstream/a.cpp", "server/version.hpp"},
        {"server/proxy.cpp", "server/sandbox/b.hpp"},    {"server/commands/a.cpp", "server/proxy.hpp"},
        {"server/commands/a.cpp", "server/text/b.hpp"},  {"cache/a.cpp", "config/b.hpp"},
        {"server/telemetry/a.cpp", "server/text/b.hpp"},
    };
    CHECK(against_the_order(along).empty());
    const std::vector<inclusion> against{
        {"config/a.cpp", "cache/b.hpp"},
        {"cache/a.cpp", "server/text/b.hpp"},
        {"server/http/a.hpp", "server/async/b.hpp"},
        {"server/budget/a.hpp", "server/fetch/b.hpp"},
        {"server/budget/a.hpp", "server/upstream/b.hpp"},
        {"server/upstream/a.hpp", "server/budget/b.hpp"},
        {"server/fetch/a.cpp", "server/front/b.hpp"},
        {"server/fetch/a.cpp", "server/alerts/b.hpp"},
        {"server/alerts/a.cpp", "server/front/b.hpp"},
        {"server/front/a.cpp", "server/admin/b.hpp"},
        {"server/admin/a.cpp", "server/proxy.hpp"},
        {"server/proxy.cpp", "server/commands/b.hpp"},
        {"server/http/a.cpp", "server/version.hpp"},
        {"server/admin/a.cpp", "server/sandbox/b.hpp"},
        {"server/odds/a.cpp", "cache/b.hpp"},
        {"server/commands/a.cpp", "server/ends/b.hpp"},
    };
    CHECK(against_the_order(against) == against);
}

TEST_CASE("tidy: server/ itself holds the composition root alone")
{
    const std::set<std::string> root_files{"server/proxy", "server/open_ledger", "server/start_files",
                                           "server/version"};
    for (const auto& [file, text] : sources({"server"}))
    {
        INFO(file);
        bool is_below = fs::path(file).parent_path() != "server";
        CHECK((is_below || root_files.contains(file.substr(0, file.rfind('.')))));
    }
}

TEST_CASE("tidy: one place alone asks the gate for room to send")
{
    const std::regex asks("(?:\\.|->)acquire\\(\\)");
    std::vector<std::string> places;
    for (const auto& [file, text] : sources(product))
        for (std::sregex_iterator at(text.begin(), text.end(), asks), end; at != end; ++at) places.push_back(file);
    CHECK(places == std::vector<std::string>{"server/fetch/way_out.cpp"});
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

TEST_CASE("tidy: every header begins by saying what it is for")
{
    for (const auto& [file, text] : sources({"cache", "config", "server", "tests"}))
    {
        INFO(file);
        if (file.ends_with(".hpp")) CHECK(text.starts_with("// "));
    }
}

TEST_CASE("tidy: no function has more than six parameters")
{
    const std::regex function(
        "\\b[a-z_:~]+\\(((?:[^();{}]|\\(\\))*)\\)(?: const)?(?: noexcept)?(?: override)?(?:;|\\n\\{| :\\n)");
    auto count = [](const std::string& list) {
        int depth = 0, commas = 0;
        for (char c : list)
        {
            if (c == '<') ++depth;
            if (c == '>') --depth;
            if (c == ',' && depth == 0) ++commas;
        }
        return commas + 1;
    };
    auto crowded = [&](const std::string& text) {
        std::vector<std::string> found;
        for (std::sregex_iterator at(text.begin(), text.end(), function), end; at != end; ++at)
        {
            const std::string parameters = (*at)[1];
            bool is_call = parameters.find('"') != std::string::npos;
            if (!is_call && count(parameters) > 6) found.push_back((*at)[0]);
        }
        return found;
    };
    const std::string seven =
        "void f(int a, int b, int c, std::map<int, int> d, int e, int g, std::string& h) const\n{";
    CHECK(crowded(seven).size() == 1);
    CHECK(crowded("void f(int a, int b, int c, std::map<int, int> d, int e, int g);").empty());
    for (const auto& [file, text] : sources(product))
        for (const std::string& f : crowded(text)) FAIL_CHECK(file, ": ", f);
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
