#include "server/sandbox/confinement.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace callcache
{
namespace
{

// What came after Debian 12's <linux/landlock.h>, which knows version 2.
constexpr std::uint64_t access_truncate = 1 << 14;  // version 3
constexpr std::uint64_t access_bind_tcp = 1 << 0;   // version 4
constexpr std::uint64_t access_connect_tcp = 1 << 1;
constexpr int rule_net_port = 2;
constexpr std::uint64_t access_ioctl_dev = 1 << 15;  // version 5
constexpr std::uint64_t scope_signal = 1 << 1;       // version 6

// A kernel that knows less of it accepts it as long as the rest is zero.
struct ruleset_attributes
{
    std::uint64_t files = 0, ports = 0, scopes = 0;
};
struct port_attributes
{
    std::uint64_t access = 0, port = 0;
};

// Everything of version 1 is refused where no rule allows it; and to move a file to another folder, always.
constexpr std::uint64_t of_version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t writing = reading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | access_truncate;
constexpr std::uint64_t of_a_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate;

struct descriptor
{
    int fd;
    ~descriptor()
    {
        if (fd >= 0) close(fd);
    }
};

// Throws the number of the error.
int checked(long result)
{
    if (result < 0) throw errno;
    return int(result);
}

// A path that is not there, or may not be seen, cannot be opened later either.
void allow(int ruleset, const std::string& path, std::uint64_t access)
{
    descriptor at{open(path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat info;
    if (at.fd < 0 || fstat(at.fd, &info) != 0) return;
    if (!S_ISDIR(info.st_mode)) access &= of_a_file;
    landlock_path_beneath_attr rule{access, at.fd};
    checked(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
}

void allow(int ruleset, const std::vector<std::uint16_t>& ports, std::uint64_t access)
{
    for (std::uint16_t port : ports)
    {
        port_attributes rule{access, port};
        checked(syscall(SYS_landlock_add_rule, ruleset, rule_net_port, &rule, 0));
    }
}

// Gives the version that is in force.
int enter_landlock(const allowed_paths& within, const allowed_ports& ports, int newest)
{
    int version =
        checked(syscall(SYS_landlock_create_ruleset, nullptr, std::size_t(0), LANDLOCK_CREATE_RULESET_VERSION));
    version = std::min(version, newest);
    if (version < 1) throw ENOSYS;
    ruleset_attributes handled;
    handled.files = of_version_1;
    if (version >= 3) handled.files |= access_truncate;
    if (version >= landlock_ports) handled.ports = access_bind_tcp | access_connect_tcp;
    if (version >= 5) handled.files |= access_ioctl_dev;
    if (version >= 6) handled.scopes = scope_signal;
    descriptor ruleset{checked(syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0))};
    for (const std::string& path : within.reads) allow(ruleset.fd, path, reading & handled.files);
    for (const std::string& path : within.writes) allow(ruleset.fd, path, writing & handled.files);
    if (version >= landlock_ports)
    {
        allow(ruleset.fd, ports.bind, access_bind_tcp);
        allow(ruleset.fd, ports.connect, access_connect_tcp);
    }
    checked(syscall(SYS_landlock_restrict_self, ruleset.fd, 0));
    return version;
}

bool is_only_thread()
{
    std::error_code no_proc;
    std::filesystem::directory_iterator threads("/proc/self/task", no_proc);
    return no_proc || std::distance(begin(threads), end(threads)) == 1;
}

// 1 and not 0: the kernel hands a dump to a collector whatever the limit is, unless it is 1; and some collectors take
// it all the same (core(5)). PR_SET_DUMPABLE would do it too, and would hide the process from its own user: no
// debugger, no /proc/PID/fd, no name of it in `ss -p`.
void refuse_core_dumps()
{
    for (rlim_t limit : {1, 0})  // a hard limit of 0 cannot be raised
    {
        rlimit both{limit, limit};
        if (setrlimit(RLIMIT_CORE, &both) == 0) return;
    }
}

}  // namespace

confinement confine(const allowed_paths& within, const allowed_ports& ports, int newest)
{
    assert(is_only_thread());
    refuse_core_dumps();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {0, std::strerror(errno)};
    try
    {
        return {enter_landlock(within, ports, newest), ""};
    }
    catch (int error)
    {
        bool lacks_it = error == ENOSYS || error == EOPNOTSUPP;
        return {0, lacks_it ? "this kernel has no Landlock" : std::string("Landlock: ") + std::strerror(error)};
    }
}

}  // namespace callcache
