// What the running program can still reach, and that it still works.

#include "tests/sim/certificate.hpp"
#include "tests/support/open_in_thread.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include <sys/resource.h>
#include <sys/stat.h>

using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

const std::string key = sim::basic("key", "secret");
const std::string path = "/v2/calls/" + std::string(sim::example_id);

std::vector<pid_t> threads_of(pid_t process)
{
    std::vector<pid_t> found;
    for (const auto& t : fs::directory_iterator("/proc/" + std::to_string(process) + "/task"))
        found.push_back(pid_t(std::stol(t.path().filename().string())));
    return found;
}

bool is_confined(serving& s)
{
    REQUIRE(s.process.says("confined"));
    if (s.process.output().find("\"landlock\"") != std::string::npos) return true;
    MESSAGE("skipped: this kernel has no Landlock");
    CHECK(s.process.output().find("skipped") != std::string::npos);
    return false;
}

// A folder as Kubernetes mounts a Secret: its files are links, and all change at once by one rename.
struct secret_volume
{
    fs::path folder;
    int version = 0;

    void write(const std::vector<std::pair<std::string, std::string>>& files)
    {
        std::string name = "..2026_" + std::to_string(++version);
        fs::create_directories(folder / name);
        for (const auto& [file, text] : files) std::ofstream(folder / name / file) << text;
        fs::create_directory_symlink(name, folder / "..data_tmp");
        fs::rename(folder / "..data_tmp", folder / "..data");
        for (const auto& [file, text] : files)
            if (!fs::is_symlink(folder / file)) fs::create_symlink("..data/" + file, folder / file);
        if (version > 1) fs::remove_all(folder / ("..2026_" + std::to_string(version - 1)));
    }
    std::string file(const std::string& name) const { return (folder / name).string(); }
};

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("from each thread, opening a file out of reach fails; no privilege can be gained, and no core is dumped")
{
    temp_folder data, outside;
    std::ofstream(outside.file("file")) << "x";
    sim::vendor_options o;
    o.keys[key] = {};
    vendor_thread vendor(o);
    // By its name: the thread that looks names up is one of them.
    std::string url = "http://localhost:" + vendor.url().substr(vendor.url().rfind(':') + 1);
    serving s(url, data.file("cache.db"), {"--set", "server.threads=3"});
    REQUIRE(plain_client(s.port).get(path, key).status == 200);

    rlimit core{};
    REQUIRE(prlimit(s.process.pid(), RLIMIT_CORE, nullptr, &core) == 0);
    CHECK(core.rlim_max <= 1);
    auto threads = threads_of(s.process.pid());
    CHECK(threads.size() >= 10);  // main, log's, three fronts, fetcher, store's three, ledger's, names'
    for (pid_t t : threads)
    {
        INFO("thread ", t);
        std::ifstream status("/proc/" + std::to_string(t) + "/status");
        std::string text(std::istreambuf_iterator<char>(status), {});
        CHECK(text.find("NoNewPrivs:\t1") != std::string::npos);
    }
#ifdef __x86_64__
    if (!is_confined(s)) return;
    if (!may_trace(threads.front()))
    {
        MESSAGE("skipped: no process may trace another here");
        return;
    }
    for (pid_t t : threads)
    {
        INFO("thread ", t);
        CHECK(open_in_thread(t, outside.file("file")) == -EACCES);
        CHECK(open_in_thread(t, "/root") == -EACCES);
        CHECK(open_in_thread(t, "/proc/1/environ") == -EACCES);
        CHECK(open_in_thread(t, data.file("cache.db")) >= 0);
        CHECK(open_in_thread(t, "/etc/passwd") >= 0);
    }
    CHECK(plain_client(s.port).get(path, key).head.find("; hit;") != std::string::npos);
#endif
}

TEST_CASE(
    "swapped by rename, as Kubernetes does it: the credential, the tools' tokens and the authorities are read again")
{
    temp_folder data, mounted;
    auto first = sim::make_certificate(), second = sim::make_certificate();
    sim::vendor_options o;
    o.keys[sim::basic("key", "new-secret")] = {};
    o.tls_certificate = second.chain;
    o.tls_key = second.key;
    vendor_thread vendor(o);
    std::string url = "https://localhost:" + vendor.url().substr(vendor.url().rfind(':') + 1);
    secret_volume volume{mounted.path() / "volume"};
    volume.write({{"key", "key\n"},
                  {"secret", "old-secret\n"},
                  {"clients.json", R"({"etl": "0123456789abcdef-old"})"},
                  {"ca.pem", first.authority}});
    serving s(url, data.file("cache.db"),
              {"--set", "credentials.mode=inject", "--set", "credentials.access_key_file=" + volume.file("key"),
               "--set", "credentials.access_key_secret_file=" + volume.file("..data/secret"), "--set",
               "credentials.clients_file=" + volume.file("clients.json"), "--set",
               "upstream.ca_file=" + volume.file("ca.pem")});
    REQUIRE(s.port != 0);
    is_confined(s);
    CHECK(plain_client(s.port).get(path, "Bearer 0123456789abcdef-old").status == 502);  // a wrong authority

    volume.write({{"key", "key\n"},
                  {"secret", "new-secret\n"},
                  {"clients.json", R"({"etl": "0123456789abcdef-new"})"},
                  {"ca.pem", second.authority}});
    CHECK(s.process.says("the credential was read again"));
    CHECK(s.process.says("the tools' tokens were read again"));
    CHECK(s.process.says("the certificate authorities were read again"));
    CHECK(plain_client(s.port).get(path, "Bearer 0123456789abcdef-old").status == 401);
    CHECK(plain_client(s.port).get(path, "Bearer 0123456789abcdef-new").status == 200);
}

TEST_CASE("confined, a database that is deleted is begun anew, and one that is corrupt is moved aside")
{
    temp_folder data;
    sim::vendor_options o;
    o.keys[key] = {};
    vendor_thread vendor(o);
    {
        serving s(vendor.url(), data.file("cache.db"));
        REQUIRE(plain_client(s.port).get(path, key).status == 200);
        fs::remove(data.file("cache.db"));
        CHECK(s.process.says("the database was deleted; a new one was begun"));
        s.process.signal(SIGTERM);
        CHECK(s.process.wait() == 0);
    }
    fs::resize_file(data.file("cache.db"), 4096);
    std::fstream(data.file("cache.db"), std::ios::in | std::ios::out).seekp(100) << std::string(1000, 'x');
    serving s(vendor.url(), data.file("cache.db"));
    REQUIRE(s.port != 0);
    CHECK(fs::exists(data.file("cache.db-corrupt")));
    CHECK(plain_client(s.port).get(path, key).status == 200);
}

TEST_CASE("every file of callcache's is for its owner alone, whatever the umask says")
{
    temp_folder data;
    sim::vendor_options o;
    o.keys[key] = {};
    vendor_thread vendor(o);
    mode_t before = umask(0);
    serving s(vendor.url(), data.file("cache.db"));
    umask(before);
    auto check_all = [&] {
        std::size_t files = 0;
        for (const auto& f : fs::directory_iterator(data.path()))
        {
            INFO(f.path().string());
            ++files;
            CHECK(f.status().permissions() == (fs::perms::owner_read | fs::perms::owner_write));
        }
        return files;
    };
    REQUIRE(plain_client(s.port).get(path, key).status == 200);
    CHECK(check_all() >= 6);  // database and ledger, each with its lock and its WAL
    fs::remove(data.file("cache.db"));
    CHECK(s.process.says("the database was deleted; a new one was begun"));
    CHECK(check_all() >= 5);
}

TEST_CASE("confined, an alert reaches its receiver, whose port is not upstream's, and is written down as told")
{
    temp_folder data, secrets;
    sim::vendor_options o;
    o.keys[key] = {};
    vendor_thread vendor(o), receiver({});
    receiver.tell(
        [](sim::vendor& v) { v.script("", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}); });
    std::ofstream(secrets.file("webhook")) << receiver.url() << "/hook\n";
    serving s(vendor.url(), data.file("cache.db"),
              {"--set", "budget.daily=1", "--set", "alerts.webhook_file=" + secrets.file("webhook")});
    REQUIRE(plain_client(s.port).get(path, key).status == 200);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    auto comes = [&](const auto& is_there) {
        while (!is_there() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        return is_there();
    };
    CHECK(comes([&] { return receiver.requests() == 1; }));
    CHECK(comes([&] { return fs::exists(data.file("cache.db-budget-alerts")); }));
    CHECK(s.process.output().find("cannot be delivered") == std::string::npos);
}

TEST_SUITE_END();
