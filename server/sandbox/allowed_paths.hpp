// What of the file system `callcache serve` needs: from the configuration to folders.
//
// The process is confined to these before its first thread exists. Code that opens a file of another kind later must
// have it listed in allowed_paths.cpp, or the kernel refuses it (EACCES).
#pragma once

#include "config/settings.hpp"

#include <string>
#include <vector>

namespace callcache
{

// Absolute paths without symbolic links, each with everything beneath it. Sorted; none lies beneath another.
struct allowed_paths
{
    std::vector<std::string> reads;
    std::vector<std::string> writes;  // may be read too
};

// Looks at the file system for the links that are on the way; what is not there is left out.
//
// The folder of a file and not the file: one that is replaced by another of its name stays within reach. Kubernetes
// replaces a link, /secrets/key -> ..data/key, ..data -> ..2026_11_24: so the folder of a link counts too, where the
// link leads to something beneath that folder. (/var/run -> /run does not: all of /var would be in reach.)
allowed_paths allowed_paths_of(const settings&);

}  // namespace callcache
