// Giving up what `callcache serve` does not need, before its first thread exists: new privileges, the files and ports
// out of its reach, signals to others, and core dumps, which would hold every credential that passes by.
#pragma once

#include "server/sandbox/allowed_paths.hpp"

#include <string>

namespace callcache
{

inline constexpr int landlock_newest = 6;  // the newest version of Landlock that is made use of
inline constexpr int landlock_ports = 4;   // the first that knows ports

struct confinement
{
    int version = 0;      // Landlock's, as far as it is made use of; 0: the file system is not confined
    std::string why_not;  // then
};

// Confines the calling thread, and whatever it begins from then on: Landlock binds a thread and its descendants, so
// there may be no other thread yet. No program is executed any more, no file is opened out of `within`, and from
// Landlock's version 4 on no other TCP port than `ports` is listened on or connected to; what is open stays open.
// `newest`: a test's, as if the kernel were older. (https://docs.kernel.org/userspace-api/landlock.html)
confinement confine(const allowed_paths& within, const allowed_ports& ports, int newest = landlock_newest);

}  // namespace callcache
