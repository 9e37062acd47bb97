#include "server/alerts/durable_text.hpp"

#include "cache/file_system.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace callcache
{
namespace
{

bool write_new(const std::string& path, const std::string& text)
{
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return false;
    const bool is_written = write(fd, text.data(), text.size()) == ssize_t(text.size()) && fsync(fd) == 0;
    const int why = errno;
    close(fd);
    errno = why;
    return is_written;
}

// The new name too: a file system that cannot sync a folder has nothing to lose there.
void sync_folder(const std::string& folder)
{
    const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

}  // namespace

bool replace_durably(const std::string& path, const std::string& text)
{
    const std::string fresh = path + "-new";
    if (write_new(fresh, text) && std::rename(fresh.c_str(), path.c_str()) == 0)
    {
        sync_folder(folder_of(path));
        return true;
    }
    const int why = errno;
    std::remove(fresh.c_str());
    errno = why;
    return false;
}

}  // namespace callcache
