#include "cache/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace callcache
{

file_lock::file_lock(file_lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

file_lock::~file_lock()
{
    if (descriptor_ >= 0) close(descriptor_);
}

std::string file_lock::this_process()
{
    char host[65] = {};
    bool named = gethostname(host, sizeof host - 1) == 0 && host[0] != '\0';
    return "process " + std::to_string(getpid()) + (named ? std::string(" on ") + host : "");
}

std::variant<file_lock, file_lock::held, file_lock::unavailable> file_lock::take(const std::string& path,
                                                                                 const std::string& owner)
{
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return unavailable{std::strerror(errno)};
    file_lock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    {
        if (errno != EWOULDBLOCK) return unavailable{std::strerror(errno)};
        char text[200];
        ssize_t size = pread(fd, text, sizeof text, 0);
        return held{size > 0 ? std::string(text, std::size_t(size)) : "another process"};
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, owner.data(), owner.size(), 0) != ssize_t(owner.size()))
        return unavailable{std::strerror(errno)};
    return lock;
}

}  // namespace callcache
