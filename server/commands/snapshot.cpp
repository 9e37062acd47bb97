// `callcache snapshot FILE`: copies the database. It reads the file itself rather than ask the running callcache: who
// may is then decided by the file's owner and mode, and not by who reaches a port.

#include "cache/snapshot.hpp"
#include "cache/data_files.hpp"
#include "server/commands/commands.hpp"
#include "server/text/human.hpp"

#include <cstdio>

namespace callcache
{

int snapshot(const settings& config, const std::string& file)
{
    auto found = find_data_files(config);
    if (auto* trouble = std::get_if<std::string>(&found))
        return std::fprintf(stderr, "callcache: %s\n", trouble->c_str()), 1;
    const std::string& path = std::get<data_files>(found).cache;
    if (path == in_memory)
        return std::fprintf(stderr, "callcache: cache.path is :memory:, so there is no file to copy\n"), 1;
    auto taken = take_snapshot(path, file);
    if (auto* trouble = std::get_if<std::string>(&taken))
        return std::fprintf(stderr, "callcache: %s\n", trouble->c_str()), 1;
    auto [entries, bytes] = std::get<snapshot_taken>(taken);
    std::printf(
        "%s: %s calls, %s KiB. With the same upstream.url, serve them by: callcache serve --set mode=offline --db %s\n",
        file.c_str(), grouped(entries).c_str(), grouped(bytes >> 10).c_str(), file.c_str());
    return 0;
}

}  // namespace callcache
