// TLS towards the tools, as the program does it: its commands find the address, and it reads a new pair though it is
// confined.

#include "tests/sim/certificate.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace callcache::test;

namespace
{

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

void put(const std::string& file, const std::string& text)
{
    std::ofstream(file + "-next") << text;
    std::filesystem::rename(file + "-next", file);
}

// The first line of a PEM's inside.
std::string recognisable(const std::string& pem)
{
    return pem.substr(pem.find('\n') + 1, 40);
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("tools TLS: serve speaks it, health asks by it when admin is off, check reads the pair, a new pair is taken")
{
    temp_folder folder, data;
    sim::certificate_wishes wishes;
    wishes.name = "callcache.example";  // and not what health asks for
    auto pair = sim::make_certificate(wishes), next = sim::make_certificate(wishes);
    put(folder.file("tls.crt"), pair.chain);
    put(folder.file("tls.key"), pair.key);
    const std::vector<std::string> with_tls{"--set", "server.tls_certificate_file=" + folder.file("tls.crt"), "--set",
                                            "server.tls_key_file=" + folder.file("tls.key")};
    auto typed = [&](std::vector<std::string> words) {
        words.insert(words.end(), with_tls.begin(), with_tls.end());
        return run(callcache_program, words);
    };
    serving s("http://127.0.0.1:1", data.file("cache.db"), with_tls);
    REQUIRE(s.port != 0);
    CHECK(contains(s.process.output(), "https://127.0.0.1:" + std::to_string(s.port)));
    const std::string tools = "127.0.0.1:" + std::to_string(s.port), admin = std::to_string(s.admin_port);
    CHECK(typed({"health", "--admin", "off", "--listen", tools}).code == 0);
    CHECK(typed({"health", "--admin", "127.0.0.1:" + admin}).code == 0);
    CHECK(typed({"resume", "--admin", "127.0.0.1:" + admin}).code == 0);
    CHECK(typed({"check"}).code == 0);

    put(folder.file("tls.crt"), next.chain);
    put(folder.file("tls.key"), next.key);
    CHECK(s.process.says("the certificate towards tools was read again"));
    CHECK(typed({"health", "--admin", "off", "--listen", tools}).code == 0);

    put(folder.file("tls.key"), pair.key);
    CHECK(s.process.says("a file cannot be read again"));
    CHECK(typed({"health", "--admin", "off", "--listen", tools}).code == 0);
    finished checked = typed({"check"});
    CHECK(checked.code == 1);
    CHECK(contains(checked.output, "server.tls_key_file: the key in"));
    for (const auto& c : {pair, next})
        for (const std::string& said : {s.process.output(), checked.output})
            CHECK_FALSE(contains(said, recognisable(c.key)));
    s.process.signal(SIGTERM);
    CHECK(s.process.wait() == 0);
}

TEST_CASE("tools TLS: one file without the other, a file that is missing, and a key in place of its file's name")
{
    temp_folder folder;
    auto pair = sim::make_certificate();
    put(folder.file("tls.crt"), pair.chain);
    auto refused = [&](const std::vector<std::string>& assignments) {
        std::vector<std::string> words{"serve", "--listen", "127.0.0.1:0", "--admin", "off", "--db", ":memory:"};
        for (const std::string& a : assignments) words.insert(words.end(), {"--set", a});
        finished r = run(callcache_program, words);
        CHECK(r.code == 1);
        CHECK_FALSE(contains(r.output, recognisable(pair.key)));
        return r.output;
    };
    const std::string certificate = "server.tls_certificate_file=" + folder.file("tls.crt");
    CHECK(contains(refused({certificate}), "server.tls_certificate_file: needs server.tls_key_file"));
    CHECK(contains(refused({"server.tls_key_file=x"}), "server.tls_key_file: needs server.tls_certificate_file"));
    CHECK(contains(refused({certificate, "server.tls_key_file=/absent"}), "server.tls_key_file: cannot read"));
    CHECK(contains(refused({certificate, "server.tls_key_file=" + pair.key}), "server.tls_key_file: found a value"));
    std::string one_line = pair.key;
    std::erase(one_line, '\n');
    CHECK(contains(refused({certificate, "server.tls_key_file=" + one_line}), "not shown"));
}

TEST_SUITE_END();
