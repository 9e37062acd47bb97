#include "server/admin/process_reader.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace callcache
{

process_reader::process_reader() :
    memory_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
    descriptors_(opendir("/proc/self/fd"))
{}

process_reader::~process_reader()
{
    if (memory_ >= 0) close(memory_);
    if (descriptors_) closedir(descriptors_);
}

process_figures process_reader::now()
{
    std::lock_guard lock(mutex_);
    process_figures f;
    rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        for (const timeval& t : {used.ru_utime, used.ru_stime})
            f.cpu_seconds += double(t.tv_sec) + double(t.tv_usec) / 1e6;
    char text[128] = "";  // in pages: all, resident, …
    unsigned long resident = 0;
    if (memory_ >= 0 && pread(memory_, text, sizeof text - 1, 0) > 0 && std::sscanf(text, "%*u %lu", &resident) == 1)
        f.resident_bytes = resident * std::uint64_t(sysconf(_SC_PAGESIZE));
    if (descriptors_)
    {
        rewinddir(descriptors_);
        while (const dirent* d = readdir(descriptors_)) f.descriptors += d->d_name[0] != '.';
    }
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) f.descriptors_max = limit.rlim_cur;
    return f;
}

}  // namespace callcache
