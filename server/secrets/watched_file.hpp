// A file that is read again when it changes. Kubernetes swaps symbolic links: what counts is the file that the path
// leads to.
#pragma once

#include <string>
#include <utility>

#include <sys/stat.h>

namespace callcache
{

class watched_file
{
public:
    explicit watched_file(std::string path) : path_(std::move(path)) { has_changed(); }

    // True if the path leads to something else than at the last call, or the file was written since. An empty path, and
    // a file that is not there, never change.
    bool has_changed()
    {
        struct stat now;
        if (path_.empty() || stat(path_.c_str(), &now) != 0) return false;
        bool same = now.st_ino == seen_.st_ino && now.st_dev == seen_.st_dev && now.st_size == seen_.st_size &&
                    now.st_mtim.tv_sec == seen_.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec;
        seen_ = now;
        return !same;
    }

    const std::string& path() const { return path_; }

private:
    std::string path_;
    struct stat seen_ = {};
};

}  // namespace callcache
