// In a process of its own, as nothing can be taken back. On a kernel without Landlock these tests say so.

#include "server/sandbox/confinement.hpp"

#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// What `what` returns in a process of its own, from 0 to 127.
int in_a_child(const std::function<int()>& what)
{
    pid_t pid = fork();
    if (pid == 0) _exit(what());
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// 0, or why it cannot be opened.
int try_open(const std::string& path, int how)
{
    int fd = open(path.c_str(), how | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

// On IPv4's loopback.
sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

// 0, or why the system's call with a new TCP socket and this port fails.
int try_port(int (*call)(int, const sockaddr*, socklen_t), std::uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(port);
    int error = call(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
    close(fd);
    return error;
}

// As a kernel without it does, or a container's filter.
void answer_landlock_with(int error)
{
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | unsigned(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter{std::size(program), program};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int landlock_here()
{
    return in_a_child([] { return confine({}, {}).version; });
}

struct folders
{
    temp_folder top;
    folders()
    {
        for (const char* name : {"read", "write", "out"})
        {
            std::filesystem::create_directory(top.file(name));
            std::ofstream(file(name)) << "x";
        }
    }
    std::string file(const std::string& folder) const { return top.file(folder) + "/file"; }
    allowed_paths within() const { return {{top.file("read"), "/proc/self"}, {top.file("write")}}; }
};

}  // namespace

TEST_CASE("confinement: no new privileges and no core dump, whatever the kernel has")
{
    CHECK(in_a_child([] {
              confine({}, {}, 0);
              rlimit core{};
              getrlimit(RLIMIT_CORE, &core);
              return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && core.rlim_max <= 1 ? 0 : 1;
          }) == 0);
}

TEST_CASE(
    "confinement: where the kernel has no Landlock, or a container forbids it, that is said, and files can be opened")
{
    for (auto [error, why] : {std::pair{ENOSYS, "this kernel has no Landlock"},
                              {EOPNOTSUPP, "this kernel has no Landlock"},
                              {EPERM, "Landlock: Operation not permitted"}})
    {
        INFO(error);
        CHECK(in_a_child([error = error, why = std::string(why)] {
                  answer_landlock_with(error);
                  confinement c = confine({}, {});
                  if (c.version != 0 || c.why_not != why) return 1;
                  return try_open("/etc/passwd", O_RDONLY);
              }) == 0);
    }
}

TEST_CASE(
    "confinement: in each thread that is begun after it, a file out of reach cannot be opened, and one within can")
{
    int here = landlock_here();
    if (here == 0) MESSAGE("skipped: this kernel has no Landlock");
    // As on older kernels too: what a rule says must be something that the version knows.
    for (int version = 1; version <= here; ++version)
    {
        INFO("version ", version);
        folders f;
        auto claims = [&] {
            if (try_open(f.file("out"), O_RDONLY) != EACCES) return 1;
            if (try_open(f.top.file("out"), O_RDONLY | O_DIRECTORY) != EACCES) return 2;
            if (try_open("/etc/passwd", O_RDONLY) != EACCES) return 3;
            if (try_open(f.file("read"), O_RDONLY) != 0) return 4;
            if (try_open(f.file("read"), O_WRONLY) != EACCES) return 5;
            if (try_open(f.top.file("read") + "/new", O_WRONLY | O_CREAT) != EACCES) return 6;
            if (unlink(f.file("read").c_str()) == 0 || errno != EACCES) return 7;
            if (try_open(f.file("write"), O_RDWR | O_TRUNC) != 0) return 8;
            std::string fresh = f.top.file("write") + "/fresh", place = f.top.file("write") + "/place";
            if (try_open(fresh, O_RDWR | O_CREAT | O_EXCL) != 0) return 9;
            if (rename(fresh.c_str(), place.c_str()) != 0 || unlink(place.c_str()) != 0) return 10;
            if (rename(f.file("write").c_str(), f.file("out").c_str()) == 0) return 11;
            if (version >= 3 && (truncate(f.file("read").c_str(), 0) == 0 || errno != EACCES)) return 12;
            if (execl("/bin/true", "true", nullptr) == 0 || errno != EACCES) return 13;
            if (version >= 6 && (kill(getppid(), 0) == 0 || errno != EPERM)) return 14;
            return 0;
        };
        CHECK(in_a_child([&] {
                  if (confine(f.within(), {}, version).version != version) return 100;
                  int first = claims(), second = 0, nested = 0;
                  std::thread([&] {
                      second = claims();
                      std::thread([&] { nested = claims(); }).join();
                  }).join();
                  return first != 0 ? first : second != 0 ? second : nested;
              }) == 0);
    }
}

TEST_CASE("confinement: where the kernel knows ports, no other is listened on or connected to")
{
    int here = landlock_here();
    if (here < landlock_ports) MESSAGE("skipped: this kernel's Landlock knows no ports");
    constexpr std::uint16_t one = 1, two = 2;  // nobody listens there
    for (int version = 1; version <= here; ++version)
    {
        INFO("version ", version);
        CHECK(in_a_child([&] {
                  if (confine({}, {{0}, {one}}, version).version != version) return 100;
                  const bool knows = version >= landlock_ports;
                  if (try_port(::connect, one) != ECONNREFUSED) return 1;
                  if (try_port(::connect, two) != (knows ? EACCES : ECONNREFUSED)) return 2;
                  if (try_port(::bind, 0) != 0) return 3;
                  if ((try_port(::bind, 45'671) == EACCES) != knows) return 4;
                  return 0;
              }) == 0);
    }
}

TEST_CASE("confinement: a secret whose link is swapped is read, and a file that is swapped for a way out is not")
{
    if (landlock_here() == 0) return;
    folders f;
    std::string read = f.top.file("read");
    std::filesystem::create_directory(read + "/..1");
    std::ofstream(read + "/..1/key") << "old";
    std::filesystem::create_symlink("..1", read + "/..data");
    int pipe_to[2], pipe_from[2];
    REQUIRE((pipe(pipe_to) == 0 && pipe(pipe_from) == 0));
    pid_t child = fork();
    if (child == 0)
    {
        confine(f.within(), {});
        char byte = 0;
        (void)!write(pipe_from[1], &byte, 1);
        (void)!::read(pipe_to[0], &byte, 1);
        int inside = try_open(read + "/..data/key", O_RDONLY), outside = try_open(read + "/trap", O_RDONLY);
        _exit(inside == 0 && outside == EACCES ? 0 : 1);
    }
    char byte = 0;
    REQUIRE(::read(pipe_from[0], &byte, 1) == 1);
    std::filesystem::create_directory(read + "/..2");
    std::ofstream(read + "/..2/key") << "new";
    std::filesystem::create_symlink("..2", read + "/..data_tmp");
    std::filesystem::rename(read + "/..data_tmp", read + "/..data");
    std::filesystem::remove_all(read + "/..1");
    std::filesystem::create_symlink(f.file("out"), read + "/trap");
    REQUIRE(write(pipe_to[1], &byte, 1) == 1);
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    for (int fd : {pipe_to[0], pipe_to[1], pipe_from[0], pipe_from[1]}) close(fd);
}
