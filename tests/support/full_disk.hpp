// A disk on which nothing more can be written.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace callcache::test
{

// While it lives, no file grows beyond a kilobyte: a limit on the size of files stands for a full disk.
class full_disk
{
public:
    full_disk()
    {
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit tight{1 << 10, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
    }
    ~full_disk() { setrlimit(RLIMIT_FSIZE, &before_); }
    full_disk(const full_disk&) = delete;

private:
    rlimit before_;
};

}  // namespace callcache::test
