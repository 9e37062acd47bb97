// What a thread of another process may open.
#pragma once

#include <string>

#include <sys/types.h>

namespace callcache::test
{

// What open(path, O_RDONLY) gives to one thread of another program, which mostly waits in system calls: a descriptor,
// or a negative number of an error. The thread is stopped, makes the call, and goes on with what it did. Throws
// std::runtime_error if that cannot be done. On x86-64 alone.
long open_in_thread(pid_t thread, const std::string& path);

// False where the system lets nobody look into another process.
bool may_trace(pid_t thread);

}  // namespace callcache::test
