#include "cache/file_system.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace callcache
{

bool is_gone(const std::string& path)
{
    struct stat info;
    return stat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
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

}  // namespace callcache
