#include "server/start_files.hpp"

#include "tests/sim/certificate.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace callcache;

namespace
{

struct files
{
    test::temp_folder folder;
    settings config;

    files()
    {
        config.cache.path = folder.file("c.db");
        put("key", "KEY");
        put("clients", R"({"etl": "0123456789abcdef"})");
        put("token", "0123456789abcdef");
        auto pair = sim::make_certificate({});
        put("tls.crt", pair.chain);
        put("tls.key", pair.key);
        config.credentials = {.mode = credentials_mode::inject,
                              .access_key_file = folder.file("key"),
                              .access_key_secret_file = folder.file("key"),
                              .clients_file = folder.file("clients")};
        config.server.admin_token_file = folder.file("token");
        config.server.tls_certificate_file = folder.file("tls.crt");
        config.server.tls_key_file = folder.file("tls.key");
        config.upstream.ca_file = folder.file("tls.crt");
    }
    void put(const std::string& name, const std::string& text) const
    {
        std::ofstream(folder.file(name), std::ios::trunc) << text;
    }
};

}  // namespace

TEST_CASE("start: each file that is missing or of no use is a problem, all are told, and nothing is made")
{
    files f;
    CHECK(start_problems(f.config).empty());
    f.config.budget.day = "Mars/X";
    f.put("clients", "{}");
    f.put("token", "short");
    for (const char* name : {"key", "tls.key"}) std::filesystem::remove(f.folder.file(name));
    f.put("tls.crt", "no PEM");
    auto found = start_problems(f.config);
    REQUIRE(found.size() == 6);
    for (std::size_t i = 0; auto key : {"budget.day: found \"Mars/X\"", "credentials.access_key_file: cannot read",
                                        "credentials.clients_file: ", "upstream.ca_file: cannot read",
                                        "server.tls_certificate_file: ", "server.admin_token_file: "})
        CHECK(found[i++].starts_with(key));
    CHECK_FALSE(std::filesystem::exists(f.config.cache.path));
}

TEST_CASE("start: offline neither the credential nor upstream's authorities are needed")
{
    files f;
    f.config.mode = run_mode::offline;
    f.put("c.db", "");
    std::filesystem::remove(f.folder.file("key"));
    f.config.upstream.ca_file = f.folder.file("absent");
    CHECK(start_problems(f.config).empty());
}

TEST_CASE("start: offline the database is there already, or in memory")
{
    files f;
    f.config.mode = run_mode::offline;
    auto found = start_problems(f.config);
    REQUIRE(found.size() == 1);
    CHECK(found[0].starts_with("cache.path: there is no database at " + f.config.cache.path));
    f.config.cache.path = ":memory:";
    CHECK(start_problems(f.config).empty());
}

TEST_CASE("start: what rests on a file that is out of reach is not judged, and the rest is")
{
    files f;
    for (const char* name : {"key", "tls.key", "token"}) std::filesystem::remove(f.folder.file(name));
    auto found = start_problems(f.config, [&](const std::string& file) {
        return file == f.folder.file("key") || file == f.folder.file("tls.key");
    });
    REQUIRE(found.size() == 1);
    CHECK(found[0].starts_with("server.admin_token_file: "));
}
