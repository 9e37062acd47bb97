#include "cache/file_system.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <deque>
#include <filesystem>
#include <limits>

namespace callcache
{
namespace
{

namespace fs = std::filesystem;

constexpr std::size_t links_max = 40;  // as the kernel's, for one path

}  // namespace

bool leads_elsewhere(const std::string& path, const file_id& file)
{
    std::error_code unknown;
    auto now = file_at(path, unknown);
    return !unknown && now != file;
}

bool is_gone(const std::string& path)
{
    std::error_code unknown;
    return !file_at(path, unknown) && !unknown;
}

std::string folder_of(const std::string& path)
{
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::uint32_t file_system_at(const std::string& path)
{
    struct statfs info;
    if (statfs(path.c_str(), &info) == 0 || statfs(folder_of(path).c_str(), &info) == 0)
        return std::uint32_t(info.f_type);
    return 0;
}

std::uint64_t free_bytes_at(const std::string& path)
{
    struct statfs info;
    if (statfs(path.c_str(), &info) == 0) return std::uint64_t(info.f_bavail) * std::uint64_t(info.f_bsize);
    return std::numeric_limits<std::uint64_t>::max();
}

std::optional<file_id> file_at(const std::string& path, std::error_code& unknown)
{
    unknown.clear();
    struct stat info;
    if (stat(path.c_str(), &info) == 0) return file_id{info.st_dev, info.st_ino};
    if (errno != ENOENT && errno != ENOTDIR) unknown.assign(errno, std::generic_category());
    return std::nullopt;
}

std::optional<file_id> file_at(const std::string& path)
{
    std::error_code ignored;
    return file_at(path, ignored);
}

std::optional<file_id> file_of(int descriptor)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) return std::nullopt;
    return file_id{info.st_dev, info.st_ino};
}

link_trail follow_links(const std::string& path)
{
    link_trail trail;
    std::error_code ignored;
    fs::path whole = fs::absolute(path, ignored), at = "/";
    std::deque<fs::path> rest(whole.begin(), whole.end());
    for (std::size_t count = 0; !rest.empty();)
    {
        fs::path part = std::move(rest.front());
        rest.pop_front();
        if (part.is_absolute() || part == "." || part.empty()) continue;
        if (part == "..")
        {
            at = at.parent_path();
            continue;
        }
        std::error_code no_link;
        fs::path next = at / part, target = fs::read_symlink(next, no_link);
        if (no_link)
        {
            at = next;
            continue;
        }
        trail.is_circle = ++count > links_max;
        if (trail.is_circle) break;
        trail.folders.push_back(at.string());
        if (target.is_absolute()) at = "/";
        rest.insert(rest.begin(), target.begin(), target.end());
    }
    trail.end = at.string();
    return trail;
}

}  // namespace callcache
