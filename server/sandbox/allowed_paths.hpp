// What of the file system and of TCP `callcache serve` needs: from the configuration to folders and ports.
//
// The process is confined to these before its first thread exists. Code that opens a file of another kind later must
// have it listed in allowed_paths.cpp, or the kernel refuses it (EACCES).
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <optional>
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

// A file or folder that is not callcache's beside the database or the ledger, where callcache may write it too; one for
// each folder. Looks at the file system.
std::vector<std::string> strangers_in_reach(const settings&);

// TCP's, sorted. A port of 0 stands for those that the system chooses.
struct allowed_ports
{
    std::vector<std::uint16_t> bind;
    std::vector<std::uint16_t> connect;
};

// Code that connects to something else than upstream must have its port listed here, or the kernel refuses it (EACCES).
// `also_connects`: what only a file tells, the port of the receiver of alerts.
allowed_ports allowed_ports_of(const settings&, std::optional<std::uint16_t> also_connects = std::nullopt);

}  // namespace callcache
