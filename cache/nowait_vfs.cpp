#include "cache/nowait_vfs.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>

namespace callcache::sqlite
{
namespace
{

thread_local bool waits = true;

sqlite3_vfs* plain_layer()
{
    static sqlite3_vfs* const plain = sqlite3_vfs_find(nullptr);
    return plain;
}

// Stands behind SQLite's own file.
struct further
{
    const sqlite3_io_methods* plain;
    sqlite3_io_methods methods;  // those, but for two
    int descriptor;
};

further& further_of(sqlite3_file* f)
{
    return *reinterpret_cast<further*>(reinterpret_cast<std::byte*>(f) + plain_layer()->szOsFile);
}

int read(sqlite3_file* f, void* into, int size, sqlite3_int64 at)
{
    further& more = further_of(f);
    if (waits) return more.plain->xRead(f, into, size, at);
    iovec room{into, std::size_t(size)};
    // Less where the rest is on the disk alone, or beyond the end: both are for somebody who may wait.
    bool whole = preadv2(more.descriptor, &room, 1, at, RWF_NOWAIT) == size;
    return whole ? SQLITE_OK : SQLITE_IOERR_BLOCKED;
}

int close(sqlite3_file* f)
{
    further more = further_of(f);
    int code = more.plain->xClose(f);
    ::close(more.descriptor);
    return code;
}

int open(sqlite3_vfs* layer, const char* name, sqlite3_file* f, int flags, int* flags_out)
{
    int code = plain_layer()->xOpen(layer, name, f, flags, flags_out);
    if (code != SQLITE_OK || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) return code;
    further& more = further_of(f);
    more.plain = f->pMethods;
    more.methods = *f->pMethods;
    more.methods.xRead = read;
    more.methods.xClose = close;
    more.descriptor = ::open(name, O_RDONLY | O_CLOEXEC);  // -1: every read fails that must not wait
    f->pMethods = &more.methods;
    return code;
}

}  // namespace

const char* nowait_layer()
{
    static sqlite3_vfs layer = [] {
        sqlite3_vfs l = *plain_layer();
        l.zName = "callcache-nowait";
        l.szOsFile += int(sizeof(further));
        l.xOpen = open;
        return l;
    }();
    static const int registered = sqlite3_vfs_register(&layer, 0);
    return registered == SQLITE_OK ? layer.zName : nullptr;
}

nowait_vfs::nowait_vfs()
{
    waits = false;
}

nowait_vfs::~nowait_vfs()
{
    waits = true;
}

}  // namespace callcache::sqlite
