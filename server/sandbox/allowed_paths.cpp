#include "server/sandbox/allowed_paths.hpp"

#include "cache/data_files.hpp"
#include "cache/file_system.hpp"
#include "cache/schema.hpp"
#include "config/address.hpp"
#include "config/keys.hpp"
#include "config/proxy_address.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace callcache
{
namespace
{

namespace fs = std::filesystem;

// What the libraries read, much of it long after the start: the modules that look names up are loaded at the first
// lookup, and certificates are read when a connection is made.
constexpr const char* of_libraries[] = {"/etc",
                                        "/lib",
                                        "/lib64",
                                        "/usr/lib",
                                        "/usr/lib64",
                                        "/usr/local/lib",
                                        "/usr/share/zoneinfo",
                                        "/usr/share/ca-certificates",
                                        "/usr/local/share/ca-certificates",
                                        "/run/systemd/resolve",
                                        "/run/NetworkManager",
                                        "/run/resolvconf",
                                        "/dev/null",
                                        "/dev/random",
                                        "/dev/urandom",
                                        "/proc/sys",
                                        "/proc/self/statm",  // process_reader
                                        "/proc/self/fd",
                                        "/sys/devices/system/cpu/online"};
constexpr const char* may_be_links[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"};

// Where a path leads to.
fs::path end_of(const fs::path& path)
{
    return follow_links(path.string()).end;
}

// A database or a ledger of callcache's, perhaps of another one, or a file that stands beside such: callcache.db-wal.
bool is_of_callcache(const std::string& path)
{
    using namespace sqlite;
    for (const std::string& file : {path, path.substr(0, path.rfind('-'))})
        for (const schema* s : {&cache_schema(), &ledger_schema()})
            if (kind_of(file, *s) == file_kind::ours) return true;
    return false;
}

// Beneath the folder, or the folder itself.
bool lies_in(const fs::path& path, const fs::path& folder)
{
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

class paths
{
public:
    // A folder, or a file of the system that stays what it is.
    void add_itself(const fs::path& path)
    {
        std::error_code ignored;
        fs::path end = end_of(path);
        if (fs::exists(end, ignored)) all_.insert(end);
    }

    // A file: its folder, and that of its name. Not "/", which is everything: there it is the file itself.
    void add_file(const fs::path& path)
    {
        std::error_code ignored;
        const link_trail trail = follow_links(path.string());
        fs::path end = trail.end;
        if (fs::is_directory(end, ignored)) return add_itself(end);
        for (const fs::path folder : trail.folders)
            if (folder != "/" && lies_in(end, folder)) all_.insert(folder);
        for (const fs::path& folder : {end.parent_path(), end_of(fs::absolute(path, ignored).parent_path())})
            add_itself(folder == "/" ? end : folder);
    }

    // A file that is written, and others beside it: they may be made, renamed and removed. It is no link.
    void add_written(const fs::path& path) { add_itself(path.parent_path()); }

    // Without what lies beneath another, here or in `wider`.
    std::vector<std::string> list_without(const paths& wider) const
    {
        std::vector<std::string> result;
        for (const fs::path& p : all_)
        {
            bool covered = std::any_of(all_.begin(), all_.end(), [&](auto& q) { return q != p && lies_in(p, q); }) ||
                           std::any_of(wider.all_.begin(), wider.all_.end(), [&](auto& q) { return lies_in(p, q); });
            if (!covered) result.push_back(p.string());
        }
        return result;
    }

private:
    std::set<fs::path> all_;
};

}  // namespace

allowed_paths allowed_paths_of(const settings& config)
{
    paths reads, writes;
    for (const char* path : of_libraries) reads.add_itself(path);
    for (const char* path : may_be_links) reads.add_file(path);
    reads.add_file(X509_get_default_cert_file());
    reads.add_itself(X509_get_default_cert_dir());
    for (const config_key& key : config_keys())
        if (std::string file = key.show(config); key.path.ends_with("_file") && !file.empty()) reads.add_file(file);
    for (const std::string& file : config.also_read) reads.add_file(file);

    auto found = find_data_files(config);  // none: the start refuses
    if (auto* files = std::get_if<data_files>(&found))
        for (const std::string& file : {files->cache, files->ledger})
            if (file != in_memory) writes.add_written(file);
    return {reads.list_without(writes), writes.list_without({})};
}

std::vector<std::string> strangers_in_reach(const settings& config)
{
    std::vector<std::string> strangers;
    auto found = find_data_files(config);
    auto* files = std::get_if<data_files>(&found);
    if (!files) return strangers;
    // callcache.db, callcache.db-wal, callcache.db-budget-lock; and where a file system is mounted, its own folder.
    auto is_ours = [&](const fs::path& path) {
        auto is_of = [&](const std::string& file) { return path == file || path.string().starts_with(file + "-"); };
        return is_of(files->cache) || is_of(files->ledger) || path.filename() == "lost+found" ||
               is_of_callcache(path.string());
    };
    std::set<fs::path> folders;
    for (const std::string& file : {files->cache, files->ledger})
        if (file != in_memory) folders.insert(fs::path(file).parent_path());
    for (const fs::path& folder : folders)
    {
        std::error_code unreadable;
        fs::directory_iterator at(folder, unreadable), end;
        while (!unreadable && at != end && is_ours(at->path())) at.increment(unreadable);
        if (!unreadable && at != end) strangers.push_back(at->path().string());
    }
    return strangers;
}

allowed_ports allowed_ports_of(const settings& config, std::optional<std::uint16_t> also_connects)
{
    constexpr std::uint16_t dns = 53;  // a name's long answer comes by TCP
    std::set<std::uint16_t> bind, connect{dns};
    for (const auto& list : {config.server.listen, config.server.admin})
        for (const std::string& text : list)
            if (auto at = parse_host_port(text)) bind.insert(at->port);
    if (auto through = parse_proxy(config.upstream.proxy))
        connect.insert(through->at.port);
    else if (auto upstream = parse_origin(config.upstream.url))
        connect.insert(upstream->at.port);
    if (also_connects) connect.insert(*also_connects);
    return {{bind.begin(), bind.end()}, {connect.begin(), connect.end()}};
}

}  // namespace callcache
