#include "cache/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace callcache
{

file_lock::file_lock(file_lock&& other) noexcept :
    path_(std::move(other.path_)),
    descriptor_(std::exchange(other.descriptor_, -1)),
    file_(other.file_)
{}

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

bool file_lock::is_lost() const
{
    return leads_elsewhere(path_, file_);
}

std::variant<file_lock, file_lock::held, file_lock::unavailable> file_lock::take(const std::string& path,
                                                                                 const std::string& owner)
{
    for (;;)
    {
        file_lock lock(path, open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        const int fd = lock.descriptor_;
        if (fd < 0) return unavailable{std::strerror(errno)};
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        {
            if (errno != EWOULDBLOCK) return unavailable{std::strerror(errno)};
            char text[200];
            ssize_t size = pread(fd, text, sizeof text, 0);
            return held{size > 0 ? std::string(text, std::size_t(size)) : "another process"};
        }
        auto file = file_of(fd);
        if (!file) return unavailable{std::strerror(errno)};
        lock.file_ = *file;
        // Between the two calls it may have been removed, and another made and locked by somebody else.
        if (lock.is_lost()) continue;
        if (ftruncate(fd, 0) != 0) return unavailable{std::strerror(errno)};
        ssize_t size = pwrite(fd, owner.data(), owner.size(), 0);
        if (size != ssize_t(owner.size())) return unavailable{std::strerror(size < 0 ? errno : ENOSPC)};
        return lock;
    }
}

}  // namespace callcache
