#include "tests/support/open_in_thread.hpp"

#include <cstdint>
#include <stdexcept>

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

namespace callcache::test
{

#ifdef __x86_64__

namespace
{

constexpr std::uint64_t below_the_stack = 4096;  // beyond the red zone
constexpr std::uint64_t call_bytes = 2;          // of the instruction `syscall`

void checked(long result, const char* what)
{
    if (result < 0) throw std::runtime_error(what);
}

void wait_for_stop(pid_t thread)
{
    int status = 0;
    checked(waitpid(thread, &status, __WALL), "waitpid");
    if (!WIFSTOPPED(status)) throw std::runtime_error("the thread did not stop");
}

// True if it stands right behind its `syscall`; otherwise it was let go.
bool stop_in_a_call(pid_t thread, user_regs_struct& registers)
{
    checked(ptrace(PTRACE_SEIZE, thread, 0, 0), "PTRACE_SEIZE");
    checked(ptrace(PTRACE_INTERRUPT, thread, 0, 0), "PTRACE_INTERRUPT");
    wait_for_stop(thread);
    checked(ptrace(PTRACE_GETREGS, thread, 0, &registers), "PTRACE_GETREGS");
    if ((ptrace(PTRACE_PEEKTEXT, thread, registers.rip - call_bytes, 0) & 0xffff) == 0x050f) return true;
    checked(ptrace(PTRACE_DETACH, thread, 0, 0), "PTRACE_DETACH");
    poll(nullptr, 0, 1);  // so that it comes further
    return false;
}

}  // namespace

bool may_trace(pid_t thread)
{
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) < 0) return errno != EPERM;
    checked(ptrace(PTRACE_INTERRUPT, thread, 0, 0), "PTRACE_INTERRUPT");
    wait_for_stop(thread);
    checked(ptrace(PTRACE_DETACH, thread, 0, 0), "PTRACE_DETACH");
    return true;
}

long open_in_thread(pid_t thread, const std::string& path)
{
    user_regs_struct before{};
    for (int tries = 0; !stop_in_a_call(thread, before); ++tries)
        if (tries == 100) throw std::runtime_error("the thread is never in a system call");
    std::uint64_t place = before.rsp - below_the_stack;
    iovec here{const_cast<char*>(path.c_str()), path.size() + 1},
        there{reinterpret_cast<void*>(place), path.size() + 1};
    checked(process_vm_writev(thread, &here, 1, &there, 1, 0), "process_vm_writev");

    // One step from its own `syscall` is a call of ours.
    user_regs_struct ours = before;
    ours.rax = SYS_openat;
    ours.orig_rax = std::uint64_t(-1);  // or the kernel would repeat the call that was interrupted
    ours.rdi = std::uint64_t(AT_FDCWD);
    ours.rsi = place;
    ours.rdx = O_RDONLY | O_CLOEXEC;
    ours.rip = before.rip - call_bytes;
    checked(ptrace(PTRACE_SETREGS, thread, 0, &ours), "PTRACE_SETREGS");
    checked(ptrace(PTRACE_SINGLESTEP, thread, 0, 0), "PTRACE_SINGLESTEP");
    wait_for_stop(thread);
    checked(ptrace(PTRACE_GETREGS, thread, 0, &ours), "PTRACE_GETREGS");
    checked(ptrace(PTRACE_SETREGS, thread, 0, &before), "PTRACE_SETREGS");
    checked(ptrace(PTRACE_DETACH, thread, 0, 0), "PTRACE_DETACH");
    return long(ours.rax);
}

#else

long open_in_thread(pid_t, const std::string&)
{
    throw std::runtime_error("on x86-64 alone");
}

#endif

}  // namespace callcache::test
