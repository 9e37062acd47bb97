// The schema, the example and the tables of docs/configuration.md are the ones that the table of keys makes. To write
// them anew: CALLCACHE_WRITE_DOCUMENTS=1 callcache-tests -tc='documents*'

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"

#include <doctest/doctest.h>

#include <rapidjson/document.h>
#include <rapidjson/schema.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace callcache;

namespace
{

const std::string folder = CALLCACHE_SOURCE "/config/";
const std::string reference = "../docs/configuration.md", tables_begin = "## Basic keys\n";

std::string file(const std::string& name)
{
    std::ostringstream text;
    text << std::ifstream(folder + name).rdbuf();
    return text.str();
}

// Of docs/configuration.md: people write the text before the tables.
std::string written_by_hand()
{
    std::string text = file(reference);
    return text.substr(0, text.find(tables_begin));
}

// The example with every key's comment taken away.
std::string uncommented(std::string text)
{
    for (std::size_t at = 0; (at = text.find("// \"", at)) != std::string::npos;) text.erase(at, 3);
    return text;
}

}  // namespace

TEST_CASE("documents: schema and example are the ones that the keys make")
{
    if (std::getenv("CALLCACHE_WRITE_DOCUMENTS"))
    {
        std::ofstream(folder + "callcache.schema.json") << schema_document();
        std::ofstream(folder + "callcache.example.json") << example_document();
        std::string text = written_by_hand() + keys_document();
        std::ofstream(folder + reference) << text;
    }
    CHECK(file("callcache.schema.json") == schema_document());
    CHECK(file("callcache.example.json") == example_document());
    CHECK(file(reference) == written_by_hand() + keys_document());
}

TEST_CASE("documents: docs/configuration.md has a row for each key, the basic ones before the advanced ones")
{
    const std::string text = keys_document();
    const std::size_t heading = text.find("## Advanced keys\n");
    REQUIRE(text.starts_with(tables_begin));
    for (const config_key& k : config_keys())
    {
        CAPTURE(k.path);
        const std::size_t row = text.find("\n| `" + std::string(k.path) + "` | ");
        REQUIRE(row != std::string::npos);
        CHECK((row > heading) == k.is_advanced);
        CHECK(std::count(text.begin() + long(row) + 1, text.begin() + long(text.find('\n', row + 1)), '|') == 4);
    }
}

TEST_CASE("documents: the example changes nothing as it stands, and every line of it is a value that is allowed")
{
    settings defaults;
    for (const std::string& text : {example_document(), uncommented(example_document())})
    {
        auto loaded = load_settings({"example", text, {}, {}});
        for (const auto& p : loaded.problems) FAIL_CHECK(p);
        for (const config_key& k : config_keys()) CHECK(k.show(loaded.values) == k.show(defaults));
    }
}

TEST_CASE("documents: the schema accepts the example and refuses what callcache refuses")
{
    rapidjson::Document schema;
    schema.Parse(schema_document().c_str());
    REQUIRE_FALSE(schema.HasParseError());
    rapidjson::SchemaDocument checked(schema);
    auto accepts = [&](const std::string& text) {
        rapidjson::Document d;
        d.Parse<rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag>(text.c_str());
        REQUIRE_FALSE(d.HasParseError());
        rapidjson::SchemaValidator v(checked);
        return d.Accept(v);
    };
    CHECK(accepts(example_document()));
    CHECK(accepts(uncommented(example_document())));
    CHECK(accepts(R"({"server": {"listen": ["localhost:1", "[::1]:2"]}, "cache": {"client_min_age": "never"}})"));
    CHECK_FALSE(accepts(R"({"server": {"lisen": "localhost:1"}})"));
    CHECK_FALSE(accepts(R"({"budget": {"rate": "fast"}})"));
    CHECK_FALSE(accepts(R"({"server": {"idle_timeout": 75}})"));
    CHECK_FALSE(accepts(R"({"credentials": {"mode": "borrow"}})"));
    CHECK_FALSE(accepts(R"({"credentials": {"access_key": "in the file"}})"));
}

TEST_CASE("documents: in each section of the example the keys that few need come last, under a heading")
{
    const std::string text = example_document();
    std::size_t server_end = text.find("\n  },"), heading = text.find("    // --- Advanced: few need these. ---\n");
    REQUIRE(heading < server_end);
    CHECK(text.find("\"listen\"") < heading);
    CHECK(text.find("\"tls_key_file\"") < heading);
    CHECK(text.find("\"threads\"") > heading);
    CHECK(text.find("\"header_timeout\"") < server_end);
    CHECK(text.find("// --- Advanced", heading + 10) > server_end);
    for (const config_key& k : config_keys()) CHECK_FALSE((k.is_advanced && (k.secret || k.path.ends_with("_file"))));
    CHECK(std::any_of(config_keys().begin(), config_keys().end(), [](const config_key& k) { return k.is_advanced; }));
}
