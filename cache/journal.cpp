#include "cache/journal.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace callcache
{
namespace
{

struct shared_file_system
{
    std::uint32_t number;  // as in <linux/magic.h> and statfs(2)
    std::string_view name;
};

// Those that other machines, or the host of a virtual one, may have mounted too. A FUSE may be anything: virtiofs, what
// Docker Desktop shares folders by, sshfs, GlusterFS.
constexpr std::array shared{
    shared_file_system{0x6969, "NFS"},
    shared_file_system{0x01021997, "9p"},
    shared_file_system{0x65735546, "virtiofs or another FUSE"},
    shared_file_system{0x517b, "SMB"},
    shared_file_system{0xfe534d42, "SMB"},
    shared_file_system{0xff534d42, "CIFS"},
    shared_file_system{0x00c36400, "CephFS"},
    shared_file_system{0x0bd00bd0, "Lustre"},
    shared_file_system{0x47504653, "GPFS"},
    shared_file_system{0x01161970, "GFS2"},
    shared_file_system{0x7461636f, "OCFS2"},
    shared_file_system{0x5346414f, "AFS"},
    shared_file_system{0x6b414653, "AFS"},
    shared_file_system{0x73757245, "Coda"},
    shared_file_system{0x786f4256, "a folder shared by VirtualBox"},
    shared_file_system{0xbacbacbc, "a folder shared by VMware"},
    shared_file_system{0x7c7c6673, "a folder shared by Parallels"},
};
constexpr std::uint32_t overlay = 0x794c7630, aufs = 0x61756673;

}  // namespace

journal_choice journal_on(std::uint32_t file_system)
{
    auto found = std::find_if(shared.begin(), shared.end(), [&](auto& s) { return s.number == file_system; });
    if (found != shared.end())
        return {
            journal::rollback,
            "the database lies on " + std::string(found->name) +
                ", where a WAL is not safe: SQLite keeps a rollback journal instead, and writes more slowly. A lock "
                "may not reach other machines there: let this callcache alone use the folder"};
    if (file_system == overlay || file_system == aufs)
        return {journal::wal, "the database lies in a container's own layer: what is kept, and the count of what was "
                              "spent, is gone with the container. Mount a volume there"};
    return {};
}

}  // namespace callcache
