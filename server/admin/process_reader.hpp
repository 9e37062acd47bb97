// What the system says of this process.
#pragma once

#include "server/admin/overview.hpp"

#include <mutex>

#include <dirent.h>

namespace callcache
{

// Any thread. What it reads of /proc stays open, as a confinement to files may not know their inodes for ever; and it
// never waits for a disk.
class process_reader
{
public:
    process_reader();
    ~process_reader();
    process_reader(const process_reader&) = delete;

    process_figures now();

private:
    std::mutex mutex_;
    const int memory_;        // -1: there is none
    DIR* const descriptors_;  // or null
};

}  // namespace callcache
